"""Backup and restore, purged ledgers and retired days, all under load: in the end not a nano is missing."""

import csv
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from campaigns import write_stream
from load import under_load
from mesh import START_S, MakeMesh, Mesh
from sqlalchemy import func, make_url, select, text

from marketplace.archive_layout import TABLE_OF_TOPIC, newest_files
from marketplace.clock import system_clock
from marketplace.money import parse_nanos
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading
from reporting.archived import read_archive
from reporting.retention.ledger import purge_ledger
from reporting.sources import read_store
from stack.settled import wait_until

OLD = ("2001-01-01", "00")


@pytest.fixture
def busy(make_mesh: MakeMesh, tmp_path: Path) -> Mesh:
    """A mesh that runs, with some hundred campaigns, many of whose budgets run out."""
    mesh = make_mesh()
    mesh.start()
    mesh.replay(write_stream(tmp_path / "commands.jsonl"), "--rebase", "now")
    return mesh


@pytest.fixture
def fresh(busy: Mesh) -> Iterator[Mesh]:
    """The same mesh on another, empty store; nothing of it runs yet."""
    url = make_url(busy._backend.store_url)
    name = f"adplatform_e2e_{uuid.uuid4().hex[:12]}"
    if url.get_backend_name() == "sqlite":
        name = f"{busy.folder}/restored.db"
    else:
        with busy.engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4"))
    backend = replace(busy._backend, store_url=url.set(database=name).render_as_string(hide_password=False))
    mesh = Mesh(busy.folder, backend, busy._settings)
    yield mesh
    mesh.close()


def succeeds(mesh: Mesh, module: str, *arguments: str) -> str:
    done = mesh.program(module, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def campaigns(mesh: Mesh) -> set[str]:
    with reading(mesh.engine) as connection:
        return set(connection.execute(select(ads.c.campaign_id)).scalars())


def refuses_to_start(mesh: Mesh, name: str) -> None:
    mesh.supervisor.start(mesh.specs[name])
    wait_until("refused", lambda: "restored from a backup" in mesh.log(name), START_S)
    assert not mesh.serving(name)
    mesh.supervisor.stop(name)


def test_a_store_is_lost_and_restored_from_a_backup_that_was_made_under_load(
    busy: Mesh, fresh: Mesh, tmp_path: Path
) -> None:
    backup = str(tmp_path / "backup")
    with under_load(busy) as load:
        load.await_feedback(100, START_S)
        succeeds(busy, "reporting.recovery", "backup", backup)
        busy.replay(write_stream(tmp_path / "later.jsonl", seed=2), "--rebase", "now")
        load.await_feedback(200, START_S)
    busy.stop_all()
    lost = busy.ledger()

    assert "rows restored" in succeeds(fresh, "reporting.recovery", "restore", backup)
    assert len(fresh.ledger()) < len(lost)
    assert read_archive(busy.archive).keys() - campaigns(fresh), "none of the later campaigns was served"
    for name in ("feedback-handler", "slot-manager"):
        refuses_to_start(fresh, name)
    early = fresh.program("reporting.recovery", "import-archived")
    assert (early.returncode, "let it catch up first" in early.stderr) == (2, True), early.stderr

    fresh.start("ad-manager", "feedback-writer")
    fresh.settle_commands()
    assert fresh.program("reporting.reconcile_cli").returncode == 1
    assert "events imported from the archive" in succeeds(fresh, "reporting.recovery", "import-archived")
    assert fresh.ledger() == lost

    fresh.start("slot-manager", "feedback-handler", "adserver")
    with under_load(fresh, seed=2) as more:
        more.await_feedback(100, START_S)
    fresh.stop_all()
    assert fresh.ledger() == lost | more.acknowledged.charged_nanos
    assert fresh.reconciled().in_flight_events == 0


def age(mesh: Mesh) -> None:
    """Lets the archive's files, but for each partition's newest, lie in a day long ago."""
    for topic, table in TABLE_OF_TOPIC.items():
        names = mesh.archive.files.list(table)
        kept = set(newest_files(names, topic, 0).values())
        folder = mesh.folder / "archive" / table / f"dt={OLD[0]}" / f"hour={OLD[1]}"
        folder.mkdir(parents=True)
        mesh.archive.catalog.add_partition(table, *OLD)
        for name in set(names) - kept:
            os.rename(mesh.folder / "archive" / name, folder / name.rpartition("/")[2])


def purge(mesh: Mesh, before_us: int) -> int:
    archived = read_archive(mesh.archive)
    purged = purge_ledger(mesh.engine, archived, read_store(mesh.engine, archived)[0], before_us, batch_rows=20)
    assert purged.left_alone == {}
    return purged.rows


def test_ledger_rows_are_purged_and_days_retired_under_load(busy: Mesh) -> None:
    for seed in (1, 3):  # twice, so that partitions have more than their newest file, which stays
        with under_load(busy, seed=seed) as load:
            load.await_feedback(200, START_S)
        busy.settle()
    before_us = system_clock()
    first = busy.ledger()
    age(busy)

    with under_load(busy, seed=2) as more:
        more.await_feedback(50, START_S)
        assert purge(busy, before_us) == len(first)
        busy.reconciled()
        assert "1 days retired" in succeeds(busy, "reporting.retention", "archive", "--days", "30")
        busy.reconciled()
        busy.kill("feedback-writer")  # the next one learns of campaigns whose files are gone
        more.await_feedback(50, START_S)
    assert succeeds(busy, "reporting.retention", "ledger").startswith("0 rows of 0 campaigns purged")
    busy.stop_all()
    assert busy.ledger() == more.acknowledged.charged_nanos
    assert busy.reconciled().in_flight_events == 0
    days = busy.archive.catalog.query("SELECT dt FROM user_feedback GROUP BY dt").rows
    assert (OLD[0],) not in days

    succeeds(busy, "writer.archive_ads", "ads")
    printed = succeeds(busy, "reporting", "--out", str(busy.folder / "report"))
    assert "are retired from the archive" in printed
    with reading(busy.engine) as connection:
        spent = int(connection.execute(select(func.sum(ads.c.spent_nanos))).scalar_one())
    lines = csv.DictReader((busy.folder / "report" / "bill.csv").open())
    assert sum(parse_nanos(line["charged"]) for line in lines if line["campaign_id"] != "Total") == spent

    hashes = busy.archive.catalog.query("SELECT user_id FROM user_feedback GROUP BY user_id").rows
    assert hashes
    assert all(len(str(user_id)) in (0, 32) for (user_id,) in hashes)
