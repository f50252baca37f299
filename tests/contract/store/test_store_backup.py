"""A backup is the store at one moment, whatever database it is on; it goes back into any, and is known as a backup."""

import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, func, insert, select, text
from store_cases import Store, answered, campaign, claim, records
from store_cases import command as new_command

from marketplace.errors import FailedPrecondition
from marketplace.feedback import Action
from marketplace.runtime.settings import BadSettingError
from marketplace.runtime.store import migrate as migrations
from marketplace.runtime.store.engine import open_engine, writing
from marketplace.runtime.store.restored import refuse_pending
from marketplace.runtime.store.schema import ads, counters, ledger, metadata, users
from marketplace.runtime.store.transactions import write_transaction
from reporting.recovery import backup
from reporting.recovery.backup import backup_store, restore_store


def fill(store: Store) -> None:
    """Puts something into every table: odd texts, bytes of every kind, keys of several columns."""
    store.apply(records([new_command("a"), new_command("ünï'\\ \U0001f600", account="A\tb"), b"\xff\x00 no command"]))
    store.put(c := campaign())
    store.charge(*(claim(c, action) for action in Action for _ in range(4)))
    store.commands.submit("one", "a", "New Campaign", 1)
    user = {column.name: "" for column in users.columns} | {"id": "u", "age": 7, "websites": "x" * 70_000}
    with write_transaction(store.engine) as connection:
        connection.execute(insert(users), [user, user | {"id": "U"}])
        connection.commit()


def contents(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        found = {
            table.name: list(map(tuple, connection.execute(select(table).order_by(*table.primary_key.columns))))
            for table in metadata.sorted_tables
        }
    return {name: sorted(rows, key=repr) for name, rows in found.items() if name != "counters"}


def test_everything_comes_back_page_by_page(
    store: Store, fresh: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    monkeypatch.setattr(backup, "_PAGE", 2)
    count = backup_store(store.engine, tmp_path / "backup")
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup"]
    assert restore_store(tmp_path / "backup", fresh.engine) == count + 1  # the mark
    before = contents(store.engine)
    assert {name for name, rows in before.items() if not rows} <= {"api_tokens"}
    assert contents(fresh.engine) == before
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup"]
    store.charge(claim(campaign(), Action.VIEW))  # the outbox goes on numbering


def test_it_is_of_one_moment_although_charging_goes_on(store: Store, tmp_path: Path) -> None:
    store.put(c := campaign(budget_nanos=10**15))
    store.charge(claim(c, Action.CLICK))
    stop = threading.Event()

    def charge() -> None:
        while not stop.is_set():
            answered(store.charge(*(claim(c, Action.CLICK) for _ in range(5))))

    handler = threading.Thread(target=charge)
    handler.start()
    try:
        for number in range(5):
            backup_store(store.engine, tmp_path / f"{number}")
    finally:
        stop.set()
        handler.join(60)
    seqs = []
    for number in range(5):
        copy = Store(open_engine(f"sqlite:///{tmp_path}/{number}"), "")
        seqs.append(copy.assert_adds_up())
    assert seqs == sorted(set(seqs)), "charges went on between the backups"


def test_who_charges_refuses_the_backup_and_what_was_restored_from_it(
    store: Store, fresh: Store, tmp_path: Path
) -> None:
    fill(store)
    refuse_pending(store.engine)
    backup_store(store.engine, tmp_path / "backup")
    refuse_pending(store.engine)
    restore_store(tmp_path / "backup", fresh.engine)
    for engine in (open_engine(f"sqlite:///{tmp_path}/backup"), fresh.engine):
        with pytest.raises(BadSettingError, match="restored from a backup"):
            refuse_pending(engine)


def test_numbers_that_the_lost_store_gave_out_are_passed(store: Store, fresh: Store, tmp_path: Path) -> None:
    fill(store)
    backup_store(store.engine, tmp_path / "backup")
    store.apply(records([new_command("later")], start=3))  # lost with the store
    restore_store(tmp_path / "backup", fresh.engine)
    (reached,) = store.rows(select(counters.c.value).filter_by(name="ads"))
    fresh.apply(records([new_command("later")], start=3))
    assert fresh.campaign("later").change_no > reached[0]


def test_a_restore_is_whole_or_not_at_all(
    store: Store, fresh: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    backup_store(store.engine, tmp_path / "backup")
    real = backup._insert

    def insert_or_die(connection: Any, table: Any, rows: Any) -> None:
        if table is ledger:
            raise KeyboardInterrupt
        real(connection, table, rows)

    monkeypatch.setattr(backup, "_insert", insert_or_die)
    with pytest.raises(KeyboardInterrupt):
        restore_store(tmp_path / "backup", fresh.engine)
    monkeypatch.setattr(backup, "_insert", real)
    assert fresh.rows(select(func.count()).select_from(ads)) == [(0,)]
    restore_store(tmp_path / "backup", fresh.engine)
    assert contents(fresh.engine) == contents(store.engine)


def test_a_broken_off_backup_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "_insert", die)
    with pytest.raises(KeyboardInterrupt):
        backup_store(store.engine, tmp_path / "backup")
    assert list(tmp_path.glob("*backup*")) == []


def test_nothing_is_overwritten(store: Store, tmp_path: Path) -> None:
    fill(store)
    backup_store(store.engine, tmp_path / "backup")
    content = (tmp_path / "backup").read_bytes()
    with pytest.raises(FileExistsError):
        backup_store(store.engine, tmp_path / "backup")
    with pytest.raises(FailedPrecondition, match="the store is not empty"):
        restore_store(tmp_path / "backup", store.engine)
    assert (tmp_path / "backup").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"-- MariaDB dump 10.19"])
def test_what_is_no_backup_is_refused(store: Store, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dump").write_bytes(content)
    with pytest.raises(FailedPrecondition, match="not a backup"):
        restore_store(tmp_path / "dump", store.engine)


def test_a_backup_of_an_earlier_version_is_brought_up_and_stays_as_it_is(tmp_path: Path) -> None:
    old = open_engine(f"sqlite:///{tmp_path}/old")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    with writing(old).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO positions VALUES ('t', 0, 7)"))
        connection.commit()
    old.dispose()
    before = (tmp_path / "old").read_bytes()
    engine = open_engine(f"sqlite:///{tmp_path}/new")
    restore_store(tmp_path / "old", engine)
    assert contents(engine)["positions"] == [("t", 0, 7)]
    assert (tmp_path / "old").read_bytes() == before


def test_a_backup_of_a_later_version_is_refused(store: Store, tmp_path: Path) -> None:
    backup_store(store.engine, tmp_path / "backup")
    later = open_engine(f"sqlite:///{tmp_path}/backup")
    with writing(later).connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    later.dispose()
    with pytest.raises(FailedPrecondition, match="a later version"):
        restore_store(tmp_path / "backup", open_engine(f"sqlite:///{tmp_path}/new"))
