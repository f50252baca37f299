"""A database becomes this version's schema, however often and by however many at once."""

import multiprocessing
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, func, inspect, select, text
from store_cases import Store

from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.outbox import SHARDS
from marketplace.runtime.store.schema import counters, metadata, outbox_shards


def test_the_migrations_make_what_the_code_expects(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_first_rows_are_there_once_though_it_runs_twice(store: Store) -> None:
    migrate(store.engine)
    assert store.rows(select(counters).order_by(counters.c.name)) == [("ads", 0), ("tokens", 0), ("users", 0)]
    assert store.rows(select(outbox_shards.c.shard).order_by("shard")) == [(shard,) for shard in range(SHARDS)]


def test_many_processes_may_start_at_once(store_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    starters = [spawn.Process(target=_start, args=(store_url,)) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert [starter.exitcode for starter in starters] == [0] * 4
    engine = open_engine(store_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("0003",)]
        assert connection.execute(select(func.count()).select_from(outbox_shards)).scalar() == SHARDS
    engine.dispose()


def test_a_migration_goes_on_wherever_it_was_broken_off(fresh: Store) -> None:
    rounds = 0
    while _broken_off(fresh, after=rounds):
        rounds += 1
        if fresh.is_sqlite:  # all in one transaction: its lock keeps others out, as GET_LOCK does on MariaDB
            assert inspect(fresh.engine).get_table_names() == []
        migrate(fresh.engine)
        with fresh.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
        assert fresh.rows(select(counters.c.name).order_by("name")) == [("ads",), ("tokens",), ("users",)]
        assert fresh.rows(text("SELECT COUNT(*) FROM campaigns_for_people")) == [(0,)]
        _empty(fresh.engine)
    assert rounds > 20


def _empty(engine: Engine) -> None:
    present = inspect(engine)
    with engine.begin() as connection:
        for view in present.get_view_names():
            connection.execute(text(f"DROP VIEW {view}"))
        for table in present.get_table_names():
            connection.execute(text(f"DROP TABLE {table}"))


def _broken_off(fresh: Store, after: int) -> bool:
    """Migrates, until so many statements changed the schema or put rows in; tells whether it came to that."""
    left = after

    def break_off(_: Connection, __: Any, statement: str, *___: Any) -> None:
        nonlocal left
        if statement.split()[0] in ("CREATE", "ALTER", "INSERT", "UPDATE"):
            left -= 1
            if left < 0:
                raise ConnectionAbortedError

    event.listen(fresh.engine, "after_cursor_execute", break_off)
    try:
        migrate(fresh.engine)
    except ConnectionAbortedError:
        return True
    finally:
        event.remove(fresh.engine, "after_cursor_execute", break_off)
    return False


def _start(url: str) -> None:
    migrate(open_engine(url))


def test_tables_compare_ids_byte_by_byte_and_hold_any_text(store: Store) -> None:
    if store.is_sqlite:
        assert store.rows(text("PRAGMA journal_mode")) == [("wal",)]
        assert store.rows(text("PRAGMA synchronous")) == [(2,)]
        return
    named = "SELECT {} FROM information_schema.{} WHERE table_schema = DATABASE() AND {}"
    ids = "column_name IN ('campaign_id', 'request_id', 'command_id', 'id') AND data_type = 'varchar' AND {}"
    ids = ids.format("table_name NOT LIKE '%_for_people'")
    assert store.rows(text(named.format("DISTINCT collation_name", "columns", ids))) == [("utf8mb4_bin",)]
    tables = "table_type = 'BASE TABLE' AND table_name <> 'alembic_version'"
    assert store.rows(text(named.format("DISTINCT engine, table_collation", "tables", tables))) == [
        ("InnoDB", "utf8mb4_unicode_ci")
    ]
