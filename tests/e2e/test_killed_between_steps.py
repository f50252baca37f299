"""Killed (SIGKILL) between two steps of its work, and started again, no process loses anything or does it twice."""

import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from campaigns import ACQUISITION, CLICK, CPA, VIEW, Advertiser, command_value
from mesh import START_S, MakeMesh, Mesh, allowed_s
from sqlalchemy import select

from marketplace.feedback import Action
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.schema import ads, commands
from marketplace.runtime.store.transactions import reading
from marketplace.wire import decode_event
from reporting.reconcile_cli import reconcile
from stack.settled import outbox_empty, wait_until

ADS: Final = 10
EVENTS: Final = 3 * ADS


@contextmanager
def dying(mesh: Mesh, point: str, name: str) -> Iterator[None]:
    """Runs a process that dies at a point in place of the one of that name; leaves when it has died."""
    command = [sys.executable, str(Path(__file__).with_name("dying.py")), point, "--listen", mesh.address(name)]
    with (mesh.folder / "logs" / f"{point}.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **mesh.environment}, stdout=log, stderr=log)
    try:
        yield
        assert process.wait(START_S) == -signal.SIGKILL, mesh.log(point)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def partial(make_mesh: MakeMesh) -> Mesh:
    """A mesh whose writer is started by the tests."""
    mesh = make_mesh()
    mesh.start("ad-manager", "adserver", "feedback-handler")
    return mesh


@pytest.fixture
def mine(partial: Mesh) -> Iterator[Advertiser]:
    yield Advertiser.create(partial, budget_nanos=10**11)  # no slot runs dry
    if "feedback-writer" in partial.running:
        partial.stop("feedback-writer")


def send_feedback(mine: Advertiser) -> None:
    for _ in range(ADS):
        ad = mine.serve_soon(allowed_s(1.0))
        for action in (VIEW, CLICK, ACQUISITION):
            mine.act(ad, action)
    wait_until("outbox sent", lambda: outbox_empty(mine.mesh.engine), START_S)


@pytest.mark.parametrize("step", range(1, 7))
def test_the_writer_after_each_step_of_its_commit_order(partial: Mesh, mine: Advertiser, step: int) -> None:
    before = reconcile(partial.engine, partial.topics, partial.archive).archived_events
    send_feedback(mine)
    with dying(partial, f"writer-{step}", "feedback-writer"):
        pass
    found = partial.reconciled()
    assert found.archived_events - before == (EVENTS if step >= 5 else 0)
    assert found.archived_events + found.in_flight_events == before + EVENTS

    partial.start("feedback-writer")
    partial.settle()
    assert partial.reconciled().archived_events == before + EVENTS


def test_the_relay_between_send_and_delete(partial: Mesh, mine: Advertiser) -> None:
    ad = mine.serve_soon(allowed_s(1.0))
    partial.stop("feedback-handler")
    with dying(partial, "relay-sent", "feedback-handler"):
        wait_until("serving", lambda: partial.serving("feedback-handler"), START_S)
        wait_until("charged", lambda: is_charged(mine, ad), START_S)
    assert not outbox_empty(partial.engine)

    partial.start("feedback-handler", "feedback-writer")
    answer = mine.act(ad, ACQUISITION)
    assert (answer.repeat, answer.charged_nanos) == (True, CPA)
    partial.settle()
    partial.reconciled()
    (bounds,) = partial.topics.bounds(USER_FEEDBACK).values()
    events = [decode_event(record.value) for record in partial.topics.read(USER_FEEDBACK, 0, bounds)]
    sent = Counter(event.event_seq for event in events if event.serve.winner.campaign_id == mine.campaign_id)
    assert sent == {1: 2}, "the event was to be sent twice"


def is_charged(mine: Advertiser, ad: object) -> bool:
    """Sends feedback, whose answer may or may not come before the process dies; tells whether the ledger has it."""
    try:
        mine.act(ad, ACQUISITION)
    except grpc.RpcError as problem:
        assert problem.code() is grpc.StatusCode.UNAVAILABLE
    return (ad.request_id, Action.ACQUISITION) in mine.mesh.ledger()


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_handler_around_its_commit(partial: Mesh, mine: Advertiser, when: str) -> None:
    ad = mine.serve_soon(allowed_s(1.0))
    partial.stop("feedback-handler")
    with dying(partial, f"charge-{when}-commit", "feedback-handler"):
        wait_until("serving", lambda: partial.serving("feedback-handler"), START_S)
        with pytest.raises(grpc.RpcError) as problem:
            mine.act(ad, ACQUISITION)
        assert problem.value.code() is grpc.StatusCode.UNAVAILABLE
    committed = when == "after"
    assert ((ad.request_id, Action.ACQUISITION) in partial.ledger()) == committed
    assert mine.campaign().spent_nanos == (CPA if committed else 0)
    partial.reconciled()

    partial.start("feedback-handler", "feedback-writer")
    answer = mine.act(ad, ACQUISITION)
    assert (answer.repeat, answer.charged_nanos) == (committed, CPA)
    assert mine.campaign().spent_nanos == CPA
    partial.settle()
    partial.reconciled()


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_ad_manager_between_effect_and_commit(partial: Mesh, when: str) -> None:
    partial.stop("ad-manager")
    campaign_ids = [f"{when}-{uuid.uuid4()}" for _ in range(20)]
    partial.publish_commands([command_value(campaign_id) for campaign_id in campaign_ids])
    partial.publish_commands([command_value(campaign_ids[0], "Stop Campaign")])
    with dying(partial, f"command-{when}-commit", "ad-manager"):
        pass
    stored = effects(partial, campaign_ids)
    assert stored == ({} if when == "before" else expected(campaign_ids))

    partial.start("ad-manager")
    partial.settle_commands()
    assert effects(partial, campaign_ids) == expected(campaign_ids)


def expected(campaign_ids: list[str]) -> dict[str, tuple[str, list[str]]]:
    first, *others = campaign_ids
    return {first: ("STOPPED", ["applied", "applied"])} | {name: ("ACTIVE", ["applied"]) for name in others}


def effects(mesh: Mesh, campaign_ids: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Returns each campaign's status, and the outcomes of its commands."""
    with reading(mesh.engine) as connection:
        statuses = connection.execute(select(ads.c.campaign_id, ads.c.status)).all()
        handled = connection.execute(select(commands.c.campaign_id, commands.c.outcome)).all()
    return {
        name: (status, [outcome for campaign_id, outcome in handled if campaign_id == name])
        for name, status in statuses
        if name in campaign_ids
    }
