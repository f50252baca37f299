"""`reconcile` sees every kind of difference, and `--republish` mends a topic that lost messages."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from campaigns import ACQUISITION, CLICK, VIEW, Advertiser
from conftest import MakeMesh
from mesh import SETTLE_S, START_S, Mesh
from sqlalchemy import text

from marketplace.runtime.log.open import open_log
from reporting.reconcile_cli import reconcile
from stack.settled import outbox_empty, wait_until

ADS: Final = 12


def settled(make_mesh: MakeMesh) -> tuple[Mesh, Advertiser]:
    """Returns a mesh all of whose events are archived in several files, everything stopped."""
    mesh = make_mesh(FILE_RECORDS="10")
    mesh.start()
    mine = Advertiser.create(mesh, budget_nanos=10**11)
    act(mine)
    mesh.stop_all()
    assert mesh.reconciled().archived_events == 3 * ADS
    return mesh, mine


def act(mine: Advertiser) -> None:
    for _ in range(ADS):
        ad = mine.serve_soon(30.0)
        for action in (VIEW, CLICK, ACQUISITION):
            mine.act(ad, action)


def feedback_files(mesh: Mesh) -> list[Path]:
    return sorted((mesh.folder / "archive").glob("user_feedback/dt=*/hour=*/*.parquet"))


def execute(mesh: Mesh, statement: str) -> None:
    with mesh.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.fixture(scope="module")
def archived(make_mesh: MakeMesh) -> Mesh:
    return settled(make_mesh)[0]


def findings(mesh: Mesh) -> str:
    done = mesh.program("reporting.reconcile_cli")
    summary = reconcile(mesh.engine, mesh.topics, mesh.archive)
    assert done.returncode == (0 if summary.ok else 1)
    return " ".join(summary.findings)


def test_a_file_that_is_gone_is_a_gap(archived: Mesh) -> None:
    gone = feedback_files(archived)[0]
    kept = gone.read_bytes()
    gone.unlink()
    assert "are missing in the archive" in findings(archived)
    gone.write_bytes(kept)
    assert not findings(archived)


def test_a_file_that_is_there_twice_is_found(archived: Mesh) -> None:
    first = feedback_files(archived)[0]
    copy = first.with_name(first.name.replace("-e000-", "-e999-"))
    shutil.copy(first, copy)
    assert "stand in the archive twice" in findings(archived)
    copy.unlink()


@pytest.mark.parametrize(
    ("change", "back", "found"),
    [
        (
            "UPDATE ledger SET charged_nanos = charged_nanos + 1 WHERE event_seq = 2",
            "UPDATE ledger SET charged_nanos = charged_nanos - 1 WHERE event_seq = 2",
            "the archive's charges differ from the ledger's by -0.000000001",
        ),
        (
            "UPDATE ads SET spent_nanos = spent_nanos + 1",
            "UPDATE ads SET spent_nanos = spent_nanos - 1",
            "the ledger's total is",
        ),
        (
            "UPDATE ads SET highest_budget_nanos = highest_budget_nanos - 100000000000",
            "UPDATE ads SET highest_budget_nanos = highest_budget_nanos + 100000000000",
            "of at most 0.000000000",
        ),
    ],
)
def test_a_nano_that_is_wrong_is_found(archived: Mesh, change: str, back: str, found: str) -> None:
    execute(archived, change)
    assert found in findings(archived)
    execute(archived, back)
    assert not findings(archived)


def test_events_that_the_topic_lost_are_sent_again(make_mesh: MakeMesh) -> None:
    mesh, mine = settled(make_mesh)
    mesh.start("adserver", "feedback-handler")
    act(mine)
    wait_until("outbox sent", lambda: outbox_empty(mesh.engine), START_S)
    with closing(sqlite3.connect(mesh.folder / "log.db", isolation_level=None)) as log:
        log.execute(
            "DELETE FROM records WHERE partition_id IN (SELECT id FROM partitions WHERE topic = 'user-feedback')"
        )
        log.execute("UPDATE partitions SET first_offset = next_offset WHERE topic = 'user-feedback'")
    assert f"{3 * ADS} events from {3 * ADS + 1} on are neither archived" in findings(mesh)
    republish_and_land(mesh, 6 * ADS)


def test_a_topic_made_anew_stops_the_writer_until_it_is_mended(make_mesh: MakeMesh) -> None:
    mesh, mine = settled(make_mesh)
    mesh.topics.close()
    for path in mesh.folder.glob("log.db*"):
        path.unlink()
    mesh.topics = open_log(mesh.environment["LOG_URL"])
    mesh.topics.create_topics()
    mesh.supervisor.start(mesh.specs["feedback-writer"])
    wait_until("refusal", lambda: "reconcile --republish" in mesh.log("feedback-writer"), START_S)
    mesh.supervisor.stop("feedback-writer")
    mesh.start("adserver", "feedback-handler")
    act(mine)
    republish_and_land(mesh, 6 * ADS)


def republish_and_land(mesh: Mesh, events: int) -> None:
    """Mends the topic under a running relay; then everything lands, and later events after it."""
    assert mesh.program("reporting.reconcile_cli", "--republish").returncode == 0
    mesh.start("feedback-writer")
    wait_until("outbox sent", lambda: outbox_empty(mesh.engine), START_S)
    wait_until("landed", lambda: not reconcile(mesh.engine, mesh.topics, mesh.archive).in_flight_events, SETTLE_S)
    assert mesh.reconciled().archived_events == events
