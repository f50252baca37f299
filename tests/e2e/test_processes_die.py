"""Under load each process is killed (SIGKILL) and started again: nothing acknowledged is lost or twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from adplatform.v1 import campaign_manager_pb2 as manager_pb
from campaigns import write_stream
from load import CLEAR_ENDS, Callers, Load, under_load
from mesh import START_S, Mesh

from simulator.behaviour import Habits

MORE = 60


@pytest.fixture(scope="module")
def busy(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    mesh.replay(write_stream(tmp_path_factory.mktemp("stream") / "commands.jsonl"), "--rebase", "now")
    return mesh


@dataclass
class Traffic:
    load: Load
    callers: Callers


@pytest.fixture
def traffic(busy: Mesh) -> Iterator[Traffic]:
    """Traffic on the mesh; after the test, everything that it was told must be true."""
    before = busy.ledger()
    with under_load(busy, habits=Habits(think_s=0.02, duplicates=0.1), seed=len(before) + 1) as load:
        load.await_feedback(MORE, START_S)
        with Callers(busy) as callers:
            yield Traffic(load, callers)
    assert load.stats.failed == 0, load.stats.errors
    assert load.stats.in_flight == 0
    assert callers.ends.keys() <= CLEAR_ENDS
    assert load.acknowledged.contradictions == []
    assert callers.outcomes() == Counter({manager_pb.COMMAND_STATE_APPLIED: len(callers.submitted)})
    # Every feedback was answered in the end, so the ledger holds what was acknowledged and nothing else.
    assert busy.ledger() == before | load.acknowledged.charged_nanos
    busy.settle()
    assert busy.reconciled().in_flight_events == 0


def test_each_is_killed_in_turn(busy: Mesh, traffic: Traffic) -> None:
    for name in busy.specs:
        busy.kill(name)
        traffic.load.await_feedback(MORE, START_S)
        busy.reconciled()


def test_all_are_killed_at_once(busy: Mesh, traffic: Traffic) -> None:
    killers = [threading.Thread(target=busy.kill, args=(name,)) for name in busy.specs]
    for killer in killers:
        killer.start()
    for killer in killers:
        killer.join(2 * START_S)
    traffic.load.await_feedback(MORE, START_S)
