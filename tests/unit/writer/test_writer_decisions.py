"""The writer's pure decisions: which records form a file, which events are new, where to read on."""

import pytest
from writer_cases import HOUR_US, TEN_O_CLOCK_US, event

from marketplace.archive_layout import Epoch, FileName, date_and_hour, newest_files
from marketplace.ports import Bounds, Record
from writer.batching import Batch, Lane, Limits
from writer.position import TopicRefused, check_bounds, start_position
from writer.sequence import SequenceGap, keep_new

LIMITS = Limits(max_records=3, max_bytes=100, max_age_s=5.0)


def record(offset: int, time_us: int = TEN_O_CLOCK_US, size: int = 1) -> Record:
    return Record("user-feedback", 0, offset, time_us, None, b"x" * size)


def batch_of(*records: Record) -> Batch:
    batch = Batch(records[0].offset)
    for one in records:
        batch.add(one, now_s=100.0)
    return batch


@pytest.mark.parametrize(
    ("held", "following", "taken"),
    [
        ([record(0), record(1)], record(2), True),
        ([record(0), record(1), record(2)], record(3), False),  # records
        ([record(0, size=60)], record(1, size=40), True),
        ([record(0, size=60)], record(1, size=41), False),  # bytes
        ([record(0, TEN_O_CLOCK_US)], record(1, TEN_O_CLOCK_US + HOUR_US - 1), True),
        ([record(0, TEN_O_CLOCK_US + HOUR_US - 1)], record(1, TEN_O_CLOCK_US + HOUR_US), False),  # a later hour
        ([record(0, TEN_O_CLOCK_US)], record(1, TEN_O_CLOCK_US - 1), True),  # an earlier one: the clock was set back
    ],
)
def test_what_a_file_takes(held, following, taken):
    assert batch_of(*held).takes(following, LIMITS) is taken


def test_a_file_takes_one_record_of_any_size():
    assert Batch(0).takes(record(0, size=1_000), LIMITS)


@pytest.mark.parametrize(
    ("batch", "now_s", "due"),
    [
        (Batch(0), 1e9, False),
        (batch_of(record(0)), 104.9, False),
        (batch_of(record(0)), 105.0, True),
        (batch_of(record(0), record(1), record(2)), 100.0, True),
        (batch_of(record(0, size=100)), 100.0, True),
    ],
)
def test_when_a_file_is_due(batch, now_s, due):
    assert batch.due(now_s, LIMITS) is due


def test_a_lane_keeps_what_its_file_does_not_take():
    lane = Lane(Epoch(), Batch(7))
    lane.waiting.extend(record(offset) for offset in range(7, 12))
    assert lane.read_to == 12
    lane.fill(100.0, LIMITS)
    assert [one.offset for one in lane.batch.records] == [7, 8, 9]
    assert [one.offset for one in lane.waiting] == [10, 11]
    assert (lane.batch.start, lane.batch.end, lane.read_to) == (7, 10, 12)


def test_only_the_next_number_of_a_campaign_is_new():
    stream = [("a", 4), ("a", 5), ("b", 1), ("a", 5), ("a", 6), ("b", 1), ("b", 2), ("a", 4)]
    events = [(record(offset), event(seq, campaign)) for offset, (campaign, seq) in enumerate(stream)]
    kept, marks = keep_new(events, {"a": 4, "z": 9})
    assert [(one.serve.winner.campaign_id, one.event_seq) for one in kept] == [
        ("a", 5),
        ("b", 1),
        ("a", 6),
        ("b", 2),
    ]
    assert marks == {"a": 6, "b": 2}


@pytest.mark.parametrize(("mark", "seq"), [(0, 2), (4, 6), (4, 100)])
def test_a_number_too_far_ahead_is_a_gap(mark, seq):
    with pytest.raises(SequenceGap) as gap:
        keep_new([(record(17), event(seq))], {"c": mark})
    assert (gap.value.expected, gap.value.found, gap.value.offset) == (mark + 1, seq, 17)


@pytest.mark.parametrize(
    ("epoch", "archived_end", "committed", "position"),
    [
        (Epoch(), None, None, 0),
        (Epoch(), 7, None, 7),
        (Epoch(), 7, 5, 7),
        (Epoch(), 7, 9, 9),
        (Epoch(1, {3: 20}), None, None, 20),
        (Epoch(1, {3: 20}), None, 500, 20),  # committed before the topic was made anew
        (Epoch(1, {3: 20}), 25, 22, 25),
        (Epoch(1, {0: 20}), None, None, 0),
    ],
)
def test_where_to_read_on(epoch, archived_end, committed, position):
    assert start_position(epoch, 3, archived_end, committed) == position


@pytest.mark.parametrize(("position", "fits"), [(4, False), (5, True), (9, True), (10, False)])
def test_a_topic_has_to_hold_the_position(position, fits):
    if fits:
        check_bounds("t", 0, position, Bounds(5, 9))
    else:
        with pytest.raises(TopicRefused):
            check_bounds("t", 0, position, Bounds(5, 9))


def test_file_names_go_both_ways():
    name = FileName("user-feedback", 2, 3, 1_500)
    assert str(name) == "user-feedback-e002-00003-00000000000000001500.parquet"
    assert FileName.parse(f"user_feedback/dt=2026-10-01/hour=10/{name}") == name
    assert FileName.parse("user_feedback/dt=2026-10-01/hour=10/part-0.parquet") is None
    assert FileName.parse(f"{name}.crc") is None


def test_the_newest_file_is_the_one_that_starts_last_in_the_epoch():
    paths = [
        f"{folder}/{FileName('t', epoch, partition, start)}"
        for folder, epoch, partition, start in [("b", 1, 0, 5), ("a", 1, 0, 90), ("b", 1, 1, 7), ("a", 0, 0, 900)]
    ]
    assert newest_files([*paths, "a/other.parquet"], "t", 1) == {0: paths[1], 1: paths[2]}


def test_folders_are_utc_hours():
    assert date_and_hour(TEN_O_CLOCK_US) == ("2026-10-01", "10")
    assert date_and_hour(TEN_O_CLOCK_US - 1) == ("2026-10-01", "09")
