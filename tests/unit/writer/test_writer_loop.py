"""The writer's loop on a real embedded log and real files."""

import threading

import pytest
import structlog
from writer_cases import EAGER, HOUR_US, Desk, NoCatalog

from marketplace.ports import USER_FEEDBACK, Message
from marketplace.runtime.archive.files import LocalFiles
from writer.batching import Limits
from writer.landings import FeedbackLanding
from writer.loop import Writer
from writer.sequence import SequenceGap

PATIENT = Limits(max_records=1_000, max_age_s=3_600.0)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_file_lies_in_the_hour_of_its_first_record_and_ends_before_the_next(desk):
    desk.publish([1, 2])
    desk.now_us += HOUR_US
    desk.publish([3])
    desk.writer().step()
    assert desk.files.list("user_feedback") == [
        "user_feedback/dt=2026-10-01/hour=10/user-feedback-e000-00000-00000000000000000000.parquet",
        "user_feedback/dt=2026-10-01/hour=11/user-feedback-e000-00000-00000000000000000002.parquet",
    ]
    assert desk.ranges() == {0: [0, 2, 3]}


def test_a_file_waits_for_its_age(desk):
    now_s = 0.0
    writer = Writer(
        desk.log, desk.files, NoCatalog(), FeedbackLanding(desk.files), Limits(max_age_s=5.0), clock_s=lambda: now_s
    )
    desk.publish([1])
    writer.step()
    desk.publish([2])
    now_s = 4.9
    writer.step()
    assert desk.ranges() == {}
    now_s = 5.0
    writer.step()
    assert desk.ranges() == {0: [0, 2]}


def test_the_partition_is_known_before_the_file_is_published(desk):
    class Watching(NoCatalog):
        def add_partition(self, table, date, hour):
            super().add_partition(table, date, hour)
            assert desk.files.list("user_feedback") == []

    catalog = Watching()
    desk.publish([1])
    Writer(desk.log, desk.files, catalog, FeedbackLanding(desk.files), EAGER).step()
    assert catalog.partitions == ["user_feedback/dt=2026-10-01/hour=10"]


def test_a_range_of_nothing_new_gets_a_file_without_rows(desk):
    desk.publish([1, 2, 1, 2])
    desk.land_all()
    desk.publish([1, 2])
    desk.land_all()
    assert desk.seqs() == [1, 2]
    assert desk.ranges() == {0: [0, 4, 6]}


def test_a_gap_stops_the_writer_and_names_it(desk):
    desk.publish([1, 2, 4])
    with pytest.raises(SequenceGap) as caught:
        desk.writer().run(threading.Event())
    gap = caught.value
    assert (gap.campaign_id, gap.expected, gap.found, gap.partition, gap.offset) == ("c", 3, 4, 0, 2)
    assert "campaign c: expected event 3, found 4 at user-feedback partition 0 offset 2" in str(gap)
    assert desk.files.list("user_feedback") == []


def test_what_is_no_message_of_ours_is_skipped_and_logged(desk):
    desk.publish([1])
    desk.publisher.publish(USER_FEEDBACK, [Message(b"c", b"\xff not an event")])
    desk.publish([2])
    with structlog.testing.capture_logs() as logs:
        desk.land_all()
    assert desk.seqs() == [1, 2]
    assert [(entry["offset"], entry["log_level"]) for entry in logs if "skipped" in entry["event"]] == [(1, "error")]


def test_revoked_drops_what_is_not_published(desk):
    writer = desk.writer(limits=PATIENT)
    desk.publish([1, 2])
    writer.step()
    writer.revoked([0])
    writer.flush()
    assert desk.files.list("user_feedback") == []


def test_stop_lands_what_was_polled(desk):
    stop = threading.Event()
    desk.publish([1, 2])
    writer = desk.writer(limits=PATIENT, after_step=lambda step: stop.set())
    writer.run(stop)
    assert desk.seqs() == [1, 2]


def test_a_writer_that_comes_second_drops_its_batch_and_reads_on_behind_the_first(desk):
    slow, quick = desk.writer(limits=PATIENT), desk.writer()
    desk.publish([1, 2, 3])
    slow.step()
    quick.step()
    desk.publish([4])
    slow.step()
    slow.flush()  # has 1 to 4, finds 1 to 3 taken
    assert desk.seqs() == [1, 2, 3]
    assert desk.aside() == []
    slow.step()
    slow.flush()
    assert desk.ranges() == {0: [0, 3, 4]}


def test_a_range_of_nothing_new_does_not_let_a_second_writer_past(desk):
    """Without a file for it, the slow writer's name would be free and its events would come twice."""
    desk.publish([1])
    desk.land_all()
    slow, quick = desk.writer(limits=PATIENT), desk.writer()
    slow.step()
    desk.publish([1])
    quick.step()
    desk.publish([2])
    slow.step()  # holds 1 again and 2 as one range
    quick.step()
    slow.flush()
    assert desk.seqs() == [1, 2]


def test_two_writers_at_once_land_everything_once(tmp_path):
    desk = Desk(tmp_path, partitions=2)
    stop = threading.Event()
    limits = [Limits(max_records=7, max_age_s=0.01), Limits(max_records=11, max_age_s=0.0)]
    failures = []

    def run(limit):
        try:
            desk.writer(limits=limit, files=LocalFiles(tmp_path / "archive")).run(stop)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=[limit]) for limit in limits]
    for thread in threads:
        thread.start()
    for start in range(0, 200, 20):
        for campaign_id in ("a", "d"):
            desk.publish([*range(max(1, start - 5), start + 21)], campaign_id)
    deadline = threading.Event()
    for _ in range(300):
        if desk.seqs("a") == desk.seqs("d") == list(range(1, 201)) or failures:
            break
        deadline.wait(0.1)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert desk.seqs("a") == desk.seqs("d") == list(range(1, 201))
    assert desk.ranges().keys() == {0, 1}
