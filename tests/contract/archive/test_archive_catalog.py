"""The contract of `ports.ArchiveCatalog`: DuckDB and Hive answer the same cells over the same files."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyhive import hive

from marketplace import errors
from marketplace.archive_layout import ADS_FILE, partition_folder
from marketplace.ports import ArchiveCatalog, ResultTable
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.archive.hive_server import HiveServer
from marketplace.runtime.archive.open import Archive, open_archive
from marketplace.runtime.archive.parquet import parquet_writer
from marketplace.runtime.archive.schema import ADS, SERVED_ADS, USER_FEEDBACK
from stack.local.hive import Hive

NOON = datetime(2026, 10, 1, 12, 0, 0, 1)  # noqa: DTZ001  # the archive's times are naive UTC
SCHEMAS = {"user_feedback": USER_FEEDBACK, "served_ads": SERVED_ADS, "ads": ADS}
ROW: dict[str, object] = {
    "request_id": "r1",
    "campaign_id": "c1",
    "auction_cpm": Decimal("0.000007500"),
    "auction_cpc": Decimal("9000000000.000000001"),
    "target_location": "Łódź, 'All', \U0001f600",
    "campaign_start_time": NOON,
    "timestamp": NOON.replace(microsecond=0),
    "view": 1,
    "click": 0,
    "expenditure": Decimal("0.100000000"),
    "event_seq": 1 << 40,
    "user_gender": "",
}

_databases = itertools.count()


@dataclass
class Setup:
    """One archive of a test; `url` opens it again."""

    url: str
    archive: Archive

    @property
    def catalog(self) -> ArchiveCatalog:
        return self.archive.catalog

    def put(self, table: str = "user_feedback", hour: str = "12", name: str = "a.parquet", **changes: object) -> None:
        """Lands one row as the writer does: partition first, then the file."""
        folder = partition_folder(table, "2026-10-01", hour)
        self.catalog.add_partition(table, "2026-10-01", hour)
        aside = self.archive.files.write_aside(f"{folder}/{name}", parquet_writer(one_row(table, **changes), 1))
        assert self.archive.files.publish(aside, f"{folder}/{name}")

    def column(self, sql: str) -> list[object]:
        return [row[0] for row in self.catalog.query(sql).rows]


def one_row(table: str, **changes: object) -> pa.Table:
    values = ROW | changes
    return pa.table({f.name: pa.array([values.get(f.name)], f.type) for f in SCHEMAS[table]}, schema=SCHEMAS[table])


@pytest.fixture(params=["duckdb", pytest.param("hive", marks=pytest.mark.mesh)])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setup]:
    url = tmp_path.as_uri()
    if request.param == "hive":
        url = hive_url(request.getfixturevalue("hive_server"), tmp_path)
    archive = open_archive(url)
    archive.catalog.create_tables()
    with closing(archive.catalog):
        yield Setup(url, archive)


def hive_url(server: Hive, folder: Path) -> str:
    """Makes a database of its own for the test, and returns the URL of an archive there."""
    database = f"test_{next(_databases)}"
    with closing(hive.connect("127.0.0.1", server.ports["client"], username="test")) as connection:
        connection.cursor().execute(f"CREATE DATABASE {database}")
    return f"hive://test@127.0.0.1:{server.ports['client']}/{database}?files={folder.as_uri()}"


@pytest.mark.parametrize("table", SCHEMAS)
def test_an_empty_archive_has_tables_without_rows(setup, table):
    partition_columns = () if table == "ads" else ("dt", "hour")
    answer = setup.catalog.query(f"SELECT * FROM {table}")  # noqa: S608  # a name of our own
    assert answer == ResultTable((*SCHEMAS[table].names, *partition_columns), [])


def test_cells_are_exact(setup):
    setup.put()
    answer = setup.catalog.query("SELECT * FROM user_feedback")
    assert answer.columns == (*USER_FEEDBACK.names, "dt", "hour")
    expected = [*(ROW.get(name) for name in USER_FEEDBACK.names), "2026-10-01", "12"]
    assert list(answer.rows[0]) == expected
    assert [str(cell) for cell in answer.rows[0]] == [str(cell) for cell in expected]  # also the zeros behind the point


def test_sums_counts_and_rates(setup):
    setup.put(view=1, click=1)
    setup.put(name="b.parquet", view=2, click=0, expenditure=Decimal("0.000000001"))
    sql = (
        "SELECT campaign_id, COUNT(*) AS events, SUM(expenditure) AS spent, SUM(view) AS views, MAX(`timestamp`) AS t, "
        "CAST(SUM(click) AS DOUBLE) / NULLIF(SUM(view), 0) AS ctr FROM user_feedback GROUP BY campaign_id"
    )
    assert setup.catalog.query(sql) == ResultTable(
        ("campaign_id", "events", "spent", "views", "t", "ctr"),
        [("c1", 2, Decimal("0.100000001"), 3, ROW["timestamp"], 1 / 3)],
    )


def test_files_that_appear_during_the_session_are_seen(setup):
    assert setup.column("SELECT COUNT(*) FROM served_ads") == [0]
    setup.put("served_ads")
    assert setup.column("SELECT COUNT(*) FROM served_ads") == [1]
    setup.put("served_ads", name="b.parquet")
    setup.put("served_ads", hour="13")
    assert setup.column("SELECT COUNT(*) FROM served_ads") == [3]


def test_what_is_not_published_is_not_read(setup):
    setup.put()
    folder = partition_folder("user_feedback", "2026-10-01", "12")
    setup.archive.files.write_aside(f"{folder}/b.parquet", parquet_writer(one_row("user_feedback"), 1))
    setup.archive.files.write_aside(f"{folder}/c.parquet", lambda sink: sink.write(b"torn"))
    assert setup.column("SELECT request_id FROM user_feedback") == ["r1"]


def test_a_file_without_rows_is_read_as_such(setup):
    folder = partition_folder("user_feedback", "2026-10-01", "12")
    setup.catalog.add_partition("user_feedback", "2026-10-01", "12")
    nothing = parquet_writer(one_row("user_feedback").slice(0, 0), 1)
    setup.archive.files.publish(setup.archive.files.write_aside(f"{folder}/0.parquet", nothing), f"{folder}/0.parquet")
    assert setup.column("SELECT SUM(expenditure) FROM user_feedback") == [None]
    setup.put()
    assert setup.column("SELECT SUM(expenditure) FROM user_feedback") == [Decimal("0.100000000")]


def test_partition_columns_are_text(setup):
    setup.put(hour="09")
    setup.put(hour="10")
    sql = "SELECT dt, hour FROM user_feedback WHERE dt = '2026-10-01' AND hour = '09'"
    assert setup.catalog.query(sql).rows == [("2026-10-01", "09")]


def test_partitions_may_be_added_again_and_be_empty(setup):
    for _ in range(2):
        setup.catalog.add_partition("served_ads", "2026-10-02", "00")
    assert setup.column("SELECT COUNT(*) FROM served_ads") == [0]


def test_tables_may_be_created_again(setup):
    setup.put()
    setup.catalog.create_tables()
    assert setup.column("SELECT request_id FROM user_feedback") == ["r1"]


def test_the_ads_are_replaced_whole(setup):
    for budget in (1, 2):
        rows = one_row("ads", budget=Decimal(budget))
        setup.archive.files.replace(setup.archive.files.write_aside(ADS_FILE, parquet_writer(rows)), ADS_FILE)
        assert setup.column("SELECT budget FROM ads") == [Decimal(budget)]


def test_a_temporary_table_lives_as_long_as_the_session(setup):
    setup.put()
    setup.catalog.execute("CREATE TEMPORARY TABLE requests AS SELECT request_id, expenditure FROM user_feedback")
    assert setup.catalog.query("SELECT * FROM requests").rows == [("r1", Decimal("0.100000000"))]
    with closing(open_archive(setup.url).catalog) as other, pytest.raises(errors.InvalidArgument):
        other.query("SELECT * FROM requests")


@pytest.mark.parametrize("sql", ["SELECT nothing FROM user_feedback", "SELECT * FROM no_such_table", "SELEC 1"])
def test_bad_sql_is_named(setup, sql):
    with pytest.raises(errors.InvalidArgument) as caught:
        setup.catalog.query(sql)
    assert caught.value.field == "sql"
    assert sql.split()[1 if "nothing" in sql else -1 if "table" in sql else 0].lower() in str(caught.value).lower()
    assert setup.column("SELECT 1") == [1]  # the session goes on


def test_duckdb_gives_up_at_its_deadline(tmp_path):
    catalog = DuckDbCatalog(tmp_path, deadline_s=0.2)
    with closing(catalog), pytest.raises(errors.Unavailable, match=r"longer than 0\.2 s"):
        catalog.query("SELECT SUM(a.range * b.range) FROM range(1000000000) a, range(1000000000) b")


def test_duckdb_leaves_no_thread_behind_that_could_interrupt_the_next_query_or_the_end(tmp_path):
    before = threading.enumerate()
    with closing(DuckDbCatalog(tmp_path)) as catalog:
        for _ in range(50):
            catalog.query("SELECT 1")
            assert threading.enumerate() == before


def test_duckdb_reads_folders_of_any_name(tmp_path):
    folder = tmp_path / "it's a [folder]?*"
    archive = open_archive(str(folder))
    setup = Setup(str(folder), archive)
    archive.catalog.create_tables()
    setup.put()
    assert setup.column("SELECT request_id FROM user_feedback") == ["r1"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://bucket/folder", "is not an archive folder"),
        ("hive://host:10000/default", "hive://user@host:port/database"),
        ("hive://host/default?files=/tmp&colour=red", "unknown option 'colour'"),
        ("hive://host/default?files=hdfs://name/folder", "is not an archive folder"),
    ],
)
def test_a_bad_url_is_refused(url, reason):
    with pytest.raises(ValueError, match=reason):
        open_archive(url)


def test_a_password_is_not_shown():
    assert "secret" not in repr(HiveServer(host="h", password="secret"))


@pytest.mark.mesh
class TestHive:
    """What only Hive can get wrong."""

    def test_a_lost_server_is_found_again_with_what_the_session_had(self, hive_server, tmp_path):
        url = hive_url(hive_server, tmp_path)
        setup = Setup(url, open_archive(url))
        setup.catalog.create_tables()
        setup.put()
        setup.catalog.execute("CREATE TEMPORARY TABLE requests AS SELECT request_id FROM user_feedback")
        hive_server.kill()
        with pytest.raises(errors.Unavailable, match="does not answer"):
            setup.column("SELECT 1")
        hive_server.start()
        assert setup.column("SELECT request_id FROM requests") == ["r1"]
        setup.put(hour="13")
        assert setup.column("SELECT COUNT(*) FROM user_feedback") == [2]
        setup.catalog.close()

    def test_a_statement_that_takes_too_long_is_given_up(self, hive_server, tmp_path):
        catalog = open_archive(hive_url(hive_server, tmp_path), deadline_s=1.0).catalog
        with closing(catalog), pytest.raises(errors.Unavailable, match="longer than 1 s"):
            catalog.query("SELECT reflect('java.lang.Thread', 'sleep', bigint(4000))")

    def test_a_server_that_hangs_costs_no_more_than_the_deadline(self, hive_server, tmp_path):
        catalog = open_archive(hive_url(hive_server, tmp_path), deadline_s=2.0).catalog
        assert catalog.query("SELECT 1").rows == [(1,)]
        pid, started = hive_server.running().pid, time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(errors.Unavailable, match="does not answer"):
                catalog.query("SELECT 1")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert time.monotonic() - started < 10.0
        assert catalog.query("SELECT 1").rows == [(1,)]
        catalog.close()

    def test_a_database_that_is_not_there_is_made(self, hive_server, tmp_path):
        url = hive_url(hive_server, tmp_path).replace("/test_", "/new_")
        for _ in range(2):
            with closing(open_archive(url).catalog) as catalog:
                catalog.create_tables()
                assert catalog.query("SELECT COUNT(*) FROM ads").rows == [(0,)]

    def test_partitions_that_hive_has_forgotten_are_made_known(self, hive_server, tmp_path):
        url = hive_url(hive_server, tmp_path)
        first = Setup(url, open_archive(url))
        first.catalog.create_tables()
        first.put()
        first.put("served_ads", hour="13")
        second = open_archive(hive_url(hive_server, tmp_path))
        second.catalog.create_tables()
        assert second.catalog.query("SELECT hour FROM user_feedback").rows == [("12",)]
        assert second.catalog.query("SELECT hour FROM served_ads").rows == [("13",)]

    def test_a_table_over_another_folder_is_refused(self, hive_server, tmp_path):
        url = hive_url(hive_server, tmp_path / "one")
        open_archive(url).catalog.create_tables()
        with pytest.raises(errors.FailedPrecondition, match="name another database"):
            open_archive(url.replace("/one", "/two")).catalog.create_tables()
