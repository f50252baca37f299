"""SIGTERM under load: each process leaves in good order; and two of a kind work side by side."""

from collections import Counter

import pytest
from adplatform.v1 import campaign_manager_pb2 as manager_pb
from campaigns import write_stream
from load import CLEAR_ENDS, Callers, under_load
from mesh import START_S, MakeMesh, Mesh, allowed_s

from simulator.behaviour import Habits
from stack.platform import STOP_ORDER

LEAVES_S = 5.0
MORE = 150


@pytest.fixture(scope="module")
def busy(make_mesh: MakeMesh, tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    mesh = make_mesh(FEEDBACK_PARTITIONS="2", SERVED_PARTITIONS="2")
    mesh.start()
    mesh.replay(write_stream(tmp_path_factory.mktemp("stream") / "commands.jsonl"), "--rebase", "now")
    return mesh


def test_each_leaves_within_five_seconds_and_nothing_acknowledged_is_lost(busy: Mesh) -> None:
    before = busy.ledger()
    with under_load(busy, habits=Habits(think_s=0.02), seed=11) as load, Callers(busy) as callers:
        for name in STOP_ORDER:
            load.await_feedback(MORE, START_S)
            left = busy.stop(name)
            assert (name, left.exit_code) == (name, 0)
            assert left.seconds < allowed_s(LEAVES_S)
            assert not busy.serving(name)
            busy.start(name)
    assert load.stats.failed == 0, load.stats.errors
    assert load.acknowledged.contradictions == []
    assert callers.ends.keys() <= CLEAR_ENDS
    assert callers.outcomes() == Counter({manager_pb.COMMAND_STATE_APPLIED: len(callers.submitted)})
    assert busy.ledger() == before | load.acknowledged.charged_nanos
    busy.settle()
    assert busy.reconciled().in_flight_events == 0


def test_two_of_a_kind_share_the_work(busy: Mesh) -> None:
    before = busy.ledger()
    for name in ("adserver", "feedback-handler", "feedback-writer", "ad-manager", "slot-manager"):
        busy.start_another(name)
    servers = ("adserver,adserver-2", "feedback-handler,feedback-handler-2")
    with under_load(busy, habits=Habits(think_s=0.02, duplicates=0.2), servers=servers, seed=12) as load:
        load.await_feedback(MORE, START_S)
        busy.kill("feedback-handler")
        load.await_feedback(MORE, START_S)
        busy.kill("adserver-2")
        busy.kill("feedback-writer-2")
        load.await_feedback(MORE, START_S)
    assert load.stats.failed == 0, load.stats.errors
    assert load.acknowledged.contradictions == []
    assert busy.ledger() == before | load.acknowledged.charged_nanos
    busy.settle()
    assert busy.reconciled().in_flight_events == 0
