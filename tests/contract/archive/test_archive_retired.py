"""Days of the archive are retired: sums stay in their place, and whoever counts finds the same as before."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyhive import hive
from shelf import AFTER_ALL, Shelf
from writer_cases import HOUR_US, Desk, event

from marketplace.archive_layout import Epoch, write_epoch
from marketplace.errors import FailedPrecondition, Unavailable
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, Message
from marketplace.runtime.archive.open import Archive, open_archive
from marketplace.runtime.archive.positions import archive_positions
from marketplace.wire import encode_event
from reporting.archived import read_archive
from reporting.reconcile import Archived
from reporting.retention.days import RetiredDay, retire_days
from reporting.retention.sums import day_summary

CHARGE = 660_000

_databases = itertools.count()


@pytest.fixture(params=["duckdb", pytest.param("hive", marks=pytest.mark.mesh)])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    desk = Desk(tmp_path)
    url = desk.folder.as_uri()
    if request.param == "hive":
        port, database = request.getfixturevalue("hive_server").ports["client"], f"retired_{next(_databases)}"
        with closing(hive.connect("127.0.0.1", port, username="test")) as connection:
            connection.cursor().execute(f"CREATE DATABASE {database}")
        url = f"hive://test@127.0.0.1:{port}/{database}?files={url}"
    archive = open_archive(url)
    archive.catalog.create_tables()
    with closing(archive.catalog):
        yield Shelf(desk, archive, url)
    desk.log.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Shelf]:
    desk = Desk(tmp_path)
    archive = open_archive(desk.folder.as_uri())
    with closing(archive.catalog):
        yield Shelf(desk, archive, desk.folder.as_uri())
    desk.log.close()


def test_what_is_counted_stays_the_same(shelf: Shelf) -> None:
    shelf.fill()
    before = read_archive(shelf.archive)
    assert before == {"c": Archived(36, 36, 36, 36 * CHARGE), "d": Archived(6, 6, 6, 6 * CHARGE)}
    position = archive_positions(shelf.archive.files, USER_FEEDBACK)
    retired = shelf.retire(before=date(2026, 10, 3))
    assert [(day.date, day.strays) for day in retired] == [("2026-10-01", 0), ("2026-10-02", 0)]
    assert (shelf.days(), shelf.files("2026-10-01")) == (["2026-10-03"], [])
    assert read_archive(shelf.archive) == before
    assert archive_positions(shelf.archive.files, USER_FEEDBACK) == position

    shelf.land(5)  # the writer goes on where it was, and knows the campaigns whose files are all gone
    after = read_archive(shelf.archive)
    assert after == {"c": Archived(41, 41, 41, 41 * CHARGE), "d": Archived(7, 7, 7, 7 * CHARGE)}
    assert shelf.retire(before=date(2026, 10, 3)) == []


def test_a_day_leaves_sums_per_campaign_and_quarter_of_an_hour(shelf: Shelf) -> None:
    shelf.fill(days=2, events=3)
    assert shelf.retire()[0].removed == 2
    assert shelf.retire(SERVED_ADS)[0].removed == 2
    answer = shelf.archive.catalog.query("SELECT * FROM retired WHERE source = 'user_feedback' ORDER BY campaign_id")
    assert [dict(zip(answer.columns, row, strict=True)) for row in answer.rows] == [
        {
            "source": "user_feedback",
            "dt": "2026-10-01",
            "campaign_id": name,
            "timestamp": datetime(2026, 10, 1, 10),  # noqa: DTZ001  # the archive's times are naive UTC
            "events": events,
            "first_event_seq": 1,
            "event_seq": events,
            "view": events,
            "click": events,
            "acquisition": 0,
            "expenditure": events * Decimal("0.000660000"),
            "uncharged": events * Decimal("0.000000001"),
        }
        for name, events in (("c", 3), ("d", 2))
    ]
    sql = (
        "SELECT campaign_id, SUM(events), MAX(event_seq) FROM retired WHERE source = 'served_ads' GROUP BY campaign_id"
    )
    served = shelf.archive.catalog.query(sql)
    assert served.rows == [("c", 6, None)]
    assert shelf.days("served_ads") == ["2026-10-02"]


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_killed_after_any_step_nothing_is_counted_twice_and_the_next_run_goes_on(embedded: Shelf, step: int) -> None:
    goes_on_after(embedded, step)


def test_killed_between_summary_and_removal_hive_does_not_count_twice_either(shelf: Shelf) -> None:
    goes_on_after(shelf, step=2)


def goes_on_after(shelf: Shelf, step: int) -> None:
    shelf.fill(days=2)
    before = read_archive(shelf.archive)
    command = [sys.executable, str(Path(__file__).with_name("retiring_process.py")), str(shelf.desk.folder.parent)]
    done = subprocess.run([*command, shelf.url, str(step)], timeout=60, check=False)
    assert done.returncode == -9
    assert len(shelf.files("2026-10-01")) == (3 if step == 4 else 4)
    assert read_archive(shelf.archive) == before
    (day,) = shelf.retire()
    assert (day.removed, day.strays) == (3 if step == 4 else 4, 0)
    assert (shelf.days(), shelf.files("2026-10-01")) == (["2026-10-02"], [])
    assert read_archive(shelf.archive) == before


def test_the_day_of_each_partitions_newest_file_stays(tmp_path: Path) -> None:
    desk = Desk(tmp_path, partitions=2)
    archive = open_archive(desk.folder.as_uri())
    publisher = desk.log.publisher()
    keys = {desk_partition(desk, key): key for key in map(str, range(20))}
    seqs = dict.fromkeys(keys, 0)

    def land(partition: int) -> None:
        seqs[partition] += 1
        value = encode_event(event(seqs[partition], keys[partition]))
        publisher.publish(USER_FEEDBACK, [Message(keys[partition].encode(), value)])
        desk.land_all()

    for partition in (0, 1, 0, 0):
        land(partition)
        desk.now_us += 24 * HOUR_US
    shelf = Shelf(desk, archive, "")
    assert [day.date for day in shelf.retire()] == ["2026-10-01"], "partition 1 may still fill 2026-10-02"
    land(1)
    assert [day.date for day in shelf.retire()] == ["2026-10-02", "2026-10-03"]
    assert [name.split("/")[1] for name in archive.files.list("user_feedback")] == ["dt=2026-10-04", "dt=2026-10-05"]
    assert {name: held.events for name, held in read_archive(archive).items()} == {keys[0]: 3, keys[1]: 2}


def desk_partition(desk: Desk, key: str) -> int:
    """Finds out where a key goes, by sending to it what is none of our messages."""
    before = desk.log.bounds(SERVED_ADS)
    desk.log.publisher().publish(SERVED_ADS, [Message(key.encode(), b"\xff")])
    return next(p for p, bounds in desk.log.bounds(SERVED_ADS).items() if bounds.end > before[p].end)


def test_a_partition_of_which_nothing_is_archived_stops_it(embedded: Shelf) -> None:
    embedded.desk.publish([1])
    with pytest.raises(
        FailedPrecondition, match="user-feedback partition 0 holds records, but nothing of it is archived"
    ):
        embedded.retire()


def test_an_epoch_in_which_nothing_came_yet_stops_nothing(embedded: Shelf) -> None:
    embedded.fill(days=2)
    end = embedded.desk.log.bounds(USER_FEEDBACK)[0].end
    assert write_epoch(embedded.archive.files, "user_feedback", Epoch(1, {0: end}))
    before = read_archive(embedded.archive)
    assert [day.date for day in embedded.retire()] == ["2026-10-01", "2026-10-02"]
    assert read_archive(embedded.archive) == before
    embedded.land(2)
    assert read_archive(embedded.archive)["c"].events == before["c"].events + 2


def test_a_file_that_came_into_a_retired_day_is_left_alone_and_told(embedded: Shelf) -> None:
    embedded.fill(days=2)
    kept = embedded.files("2026-10-01")[0]
    with embedded.archive.files.open(kept) as source:
        content = source.read()
    embedded.retire()
    stray = kept.replace("-00000-", "-00007-")
    files = embedded.archive.files
    assert files.publish(files.write_aside(stray, lambda sink: sink.write(content)), stray)
    assert embedded.retire() == [RetiredDay("user_feedback", "2026-10-01", 0, 1)]
    assert embedded.files("2026-10-01") == [stray]


def test_two_runs_at_once_leave_one_summary(embedded: Shelf) -> None:
    embedded.fill(days=2)
    before = read_archive(embedded.archive)
    other = open_archive(embedded.url)

    def race(step: int) -> None:
        if step == 1:  # our summary is written, and not published yet
            assert len(list(retire_days(other, embedded.desk.log, USER_FEEDBACK, AFTER_ALL))) == 1

    embedded.retire(after_step=race)
    assert read_archive(embedded.archive) == before
    assert embedded.files("2026-10-01") == []
    assert embedded.desk.aside() == []


class Meddling:
    """A catalog on whose archive something happens during its first query."""

    def __init__(self, archive: Archive, meddle: Callable[[], object], fails: int) -> None:
        self._catalog, self._meddle, self._fails, self.queries = archive.catalog, meddle, fails, 0

    def create_tables(self) -> None:
        self._catalog.create_tables()

    def query(self, sql: str) -> Any:
        self.queries += 1
        found = self._catalog.query(sql)
        if self.queries == 1:
            self._meddle()
        if self.queries <= self._fails:
            raise Unavailable("a file is gone")
        return found


@pytest.mark.parametrize("fails", [0, 1])
def test_it_is_read_again_when_days_are_retired_meanwhile(embedded: Shelf, fails: int) -> None:
    embedded.fill()
    before = read_archive(embedded.archive)
    meddling: Any = Meddling(embedded.archive, embedded.retire, fails)
    assert read_archive(Archive(embedded.archive.files, meddling)) == before
    assert meddling.queries == 3


def test_a_query_that_fails_for_another_reason_is_made_once_more(embedded: Shelf) -> None:
    embedded.fill(days=1)
    meddling: Any = Meddling(embedded.archive, lambda: None, fails=1)
    assert read_archive(Archive(embedded.archive.files, meddling)) == read_archive(embedded.archive)
    meddling = Meddling(embedded.archive, lambda: None, fails=2)
    with pytest.raises(Unavailable, match="a file is gone"):
        read_archive(Archive(embedded.archive.files, meddling))
    assert meddling.queries == 2


def test_an_event_that_is_retired_and_there_as_well_is_counted_as_twice() -> None:
    assert Archived(3, 3, 3, 5) + Archived(2, 2, 2, 5) == Archived(5, 3, 3, 10)


def test_sums_are_those_of_all_files_together(embedded: Shelf) -> None:
    embedded.fill(days=1, events=9)
    names = embedded.files("2026-10-01")
    rows = day_summary(embedded.archive.files, "user_feedback", "2026-10-01", names).to_pylist()
    assert len(names) == 4
    assert [(row["campaign_id"], row["events"], row["first_event_seq"], row["event_seq"]) for row in rows] == [
        ("c", 9, 1, 9),
        ("d", 2, 1, 2),
    ]
