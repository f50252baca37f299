"""Topics that lost what was acknowledged: the writer refuses and says why, `reconcile --republish` mends it.

On the embedded log, whose file a test can damage.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from campaigns import VIEW, Advertiser
from half_archived import EVENTS, act, everything_lands, half_archived, republish
from mesh import START_S, Backend, Mesh, allowed_s

from marketplace.ports import SERVED_ADS, USER_FEEDBACK
from marketplace.runtime.archive.positions import archive_positions
from reporting.reconcile_cli import reconcile
from stack.settled import outbox_empty, wait_until


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Advertiser]:
    with half_archived(Mesh(tmp_path, Backend.embedded(tmp_path), {})) as advertiser:
        yield advertiser


def damage(mesh: Mesh, *statements: str) -> None:
    with closing(sqlite3.connect(mesh.folder / "log.db", timeout=10)) as log, log:
        query = "SELECT id FROM partitions WHERE topic = ?"
        values = {
            "topic": log.execute(query, (USER_FEEDBACK,)).fetchone()[0],
            "archived": archive_positions(mesh.archive.files, USER_FEEDBACK)[0],
        }
        for statement in statements:
            assert log.execute(statement, values).rowcount > 0


LOSE: Final = "DELETE FROM records WHERE partition_id = :topic AND offset >= :archived"


def roll_back(mesh: Mesh) -> None:
    """The last messages never were, as after an unclean change of leaders."""
    damage(mesh, LOSE, "UPDATE partitions SET next_offset = :archived WHERE id = :topic")


def drop(mesh: Mesh) -> None:
    """The messages were deleted before they were archived, as by a retention that is too short."""
    damage(mesh, LOSE, "UPDATE partitions SET first_offset = next_offset WHERE id = :topic")


@pytest.mark.parametrize("lose", [roll_back, drop])
def test_messages_that_were_not_archived_yet(mine: Advertiser, lose: Callable[[Mesh], None]) -> None:
    mesh = mine.mesh
    lose(mesh)
    found = reconcile(mesh.engine, mesh.topics, mesh.archive)
    assert not found.ok
    assert f"{EVENTS} events from {EVENTS + 1} on are neither archived nor" in found.findings[0]
    assert mesh.program("reporting.reconcile_cli").returncode == 1

    republish(mesh)
    mesh.start("feedback-writer", "feedback-handler")
    everything_lands(mine, rounds=2)
    act(mine)
    everything_lands(mine, rounds=3)


def test_messages_that_were_lost_in_the_middle(mine: Advertiser) -> None:
    mesh = mine.mesh
    roll_back(mesh)
    mesh.start("feedback-handler")
    mine.act(mine.serve_soon(allowed_s(1.0)), VIEW)
    wait_until("outbox sent", lambda: outbox_empty(mesh.engine), START_S)
    mesh.stop("feedback-handler")

    mesh.start("feedback-writer")
    wait_until("refused", lambda: "the topic has lost events" in mesh.log("feedback-writer"), START_S)
    assert not reconcile(mesh.engine, mesh.topics, mesh.archive).ok

    done = mesh.program("reporting.reconcile_cli", "--republish")
    assert done.returncode == 0, done.stdout + done.stderr
    everything_lands(mine, rounds=2)  # the supervisor has started the writer again and again meanwhile


def test_topics_made_anew(mine: Advertiser) -> None:
    mesh = mine.mesh
    mesh.stop("adserver")
    mesh.stop("ad-manager")
    mesh.topics.close()
    for file in mesh.folder.glob("log.db*"):
        file.unlink()
    fresh = mesh.reopened()
    try:
        fresh.supervisor.start(fresh.specs["feedback-writer"])
        fresh.running.append("feedback-writer")
        wait_until("refused", lambda: "the topic was emptied or made anew" in fresh.log("feedback-writer"), START_S)
        wait_until("ended", lambda: fresh.supervisor.restarts.get("feedback-writer", 0) > 0, START_S)
        found = reconcile(fresh.engine, fresh.topics, fresh.archive)
        assert not found.ok

        republish(fresh)
        fresh.start("feedback-handler", "adserver")
        mine.mesh = fresh
        everything_lands(mine, rounds=2)
        served_before = archive_positions(fresh.archive.files, SERVED_ADS)
        act(mine)
        everything_lands(mine, rounds=3)
        wait_until(
            "serves archived",
            lambda: archive_positions(fresh.archive.files, SERVED_ADS) != served_before,
            START_S,
        )
    finally:
        fresh.close()
