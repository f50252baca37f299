"""The writer's loop when its disk, its archive or its log is not as it should be."""

import errno
import threading

import pytest
import structlog
from writer_cases import EAGER, Desk, NoCatalog, event

from marketplace.archive_layout import Epoch, write_epoch
from marketplace.errors import Unavailable
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, Bounds, Record
from marketplace.runtime.archive.files import LocalFiles
from marketplace.wire import encode_event
from writer.batching import Limits
from writer.landings import FeedbackLanding
from writer.loop import Writer
from writer.position import TopicRefused

PATIENT = Limits(max_records=1_000, max_age_s=3_600.0)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


class Failing:
    closed = False

    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        pass

    def tell(self):
        return 0

    def close(self):
        pass


class FullDisk(LocalFiles):
    """A disk that is full while `full` is set."""

    full = True

    def write_aside(self, name, write):
        if not self.full:
            return super().write_aside(name, write)

        def write_some(sink):
            sink.write(b"PAR1")
            write(Failing())

        return super().write_aside(name, write_some)


def test_a_full_disk_holds_the_position_and_is_tried_again(desk, tmp_path):
    files = FullDisk(tmp_path / "archive")
    stop, tries = threading.Event(), []

    def after_step(step):
        tries.append(step)
        files.full = tries.count(2) < 2
        if step == 6:
            stop.set()

    desk.publish([1, 2])
    with structlog.testing.capture_logs() as logs:
        desk.writer(files=files, after_step=after_step).run(stop)
    errors = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["positions"] for entry in errors] == [{0: 0}]
    assert "No space left on device" in errors[0]["problem"]
    assert desk.seqs() == [1, 2]
    assert desk.aside() == []


def test_a_catalog_that_is_away_is_tried_again_and_leaves_nothing_aside(desk):
    class Away(NoCatalog):
        away = True

        def add_partition(self, table, date, hour):
            if self.away:
                raise Unavailable("Hive does not answer")

    catalog = Away()
    desk.publish([1])
    writer = Writer(desk.log, desk.files, catalog, FeedbackLanding(desk.files), EAGER)
    with pytest.raises(Unavailable):
        writer.step()
    assert desk.aside() == []
    catalog.away = False
    writer.step()
    assert desk.seqs() == [1]


def test_an_archive_folder_that_is_away_is_not_taken_for_an_empty_one(desk, tmp_path):
    desk.publish([1])
    desk.land_all()
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="is not there"):
        desk.writer().step()
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(0, 1), "ends at offset 1, but is archived up to 2: the topic was emptied or made anew"),
        (Bounds(5, 9), "begins at offset 5, but is archived only up to 2: the topic has dropped messages"),
    ],
)
def test_a_topic_that_does_not_fit_the_archive_is_refused(desk, monkeypatch, bounds, reason):
    desk.publish([1, 2])
    desk.land_all()
    monkeypatch.setattr(desk.log, "bounds", lambda topic: {0: bounds})
    with pytest.raises(TopicRefused) as refused:
        desk.writer().assigned({0: bounds}, {0: 2})
    assert str(refused.value).startswith("user-feedback partition 0 " + reason)
    assert "`reconcile --republish`" in str(refused.value)


def test_an_epoch_counts_from_its_start_and_its_own_files(desk):
    desk.publish(range(1, 31))
    desk.land_all()
    assert write_epoch(desk.files, "user_feedback", Epoch(1, {0: 20}))
    assert desk.writer().assigned({0: Bounds(0, 30)}, {0: 30}) == {0: 20}  # not 30, which is of the epoch before

    writer = desk.writer()
    writer.step()
    assert desk.seqs() == list(range(1, 31))  # 21 to 30 came again and are known
    last = desk.files.list("user_feedback")[-1]
    assert last.endswith("user-feedback-e001-00000-00000000000000000020.parquet")
    assert desk.writer().assigned({0: Bounds(0, 30)}, {}) == {0: 30}


def test_a_writer_of_an_old_epoch_publishes_nothing_more(desk):
    writer = desk.writer(limits=PATIENT)
    desk.publish([1, 2, 3])
    writer.step()
    write_epoch(desk.files, "user_feedback", Epoch(1, {0: 1}))
    writer.flush()
    assert desk.files.list("user_feedback") == []


def test_served_ads_have_epochs_of_their_own(desk):
    desk.publish_serves([[1], [2], [3]])
    write_epoch(desk.files, "served_ads", Epoch(1, {0: 1}))
    desk.writer(SERVED_ADS).step()
    assert [row["request_id"][-1] for row in desk.rows("served_ads")] == ["2", "3"]


def test_a_lost_commit_loses_nothing(desk, monkeypatch):
    desk.publish([1])
    writer = desk.writer()
    writer.step()
    monkeypatch.setattr(writer._consumer, "commit", lambda positions: (_ for _ in ()).throw(Unavailable()))
    desk.publish([2])
    writer.step()
    assert desk.writer().assigned({0: Bounds(0, 2)}, {0: 1}) == {0: 2}


def test_a_log_that_is_away_is_joined_again_and_nothing_is_left_out(desk, monkeypatch):
    writer = desk.writer(limits=PATIENT)
    desk.publish([1, 2])
    writer.step()
    desk.publish([3])
    poll = writer._consumer.poll

    def poll_and_fail(max_records, timeout_s):
        poll(max_records, timeout_s)  # the consumer has moved on, the writer has nothing
        raise Unavailable()

    monkeypatch.setattr(writer._consumer, "poll", poll_and_fail)
    with pytest.raises(Unavailable):
        writer.step()
    writer.step()
    writer.flush()
    assert desk.seqs() == [1, 2, 3]


@pytest.mark.parametrize(("start", "refused"), [(0, False), (2, False), (3, True)])
def test_a_jump_in_the_offsets_is_refused_only_if_the_topic_has_dropped_something(desk, monkeypatch, start, refused):
    """A log may keep marks of its own between the records; what it has deleted is missing in the archive."""
    writer = desk.writer(limits=PATIENT)
    desk.publish([1, 2])
    writer.step()
    jumped = Record(USER_FEEDBACK, 0, 5, desk.now_us, b"c", encode_event(event(3)))
    monkeypatch.setattr(writer._consumer, "poll", lambda max_records, timeout_s: [jumped])
    monkeypatch.setattr(desk.log, "bounds", lambda topic: {0: Bounds(start, 6)})
    if refused:
        with pytest.raises(TopicRefused, match="begins at offset 3, but is archived only up to 2"):
            writer.step()
        return
    writer.step()
    writer.flush()
    assert desk.ranges() == {0: [0, 6]}
    assert desk.seqs() == [1, 2, 3]


def test_a_record_that_the_log_gives_again_is_not_read_again(desk, monkeypatch):
    writer = desk.writer(limits=PATIENT)
    desk.publish([1, 2])
    writer.step()
    again = Record(USER_FEEDBACK, 0, 0, desk.now_us, b"c", encode_event(event(1)))
    monkeypatch.setattr(writer._consumer, "poll", lambda max_records, timeout_s: [again])
    writer.step()
    writer.flush()
    assert desk.ranges() == {0: [0, 2]}
