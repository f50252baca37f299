"""Receipt keys change while ads are served and feedback comes, and not one receipt is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from campaigns import CALL_S, CLICK, CPC, Advertiser, write_stream
from load import under_load
from mesh import START_S, Backend, MakeMesh, Mesh, allowed_s

from marketplace.clock import system_clock
from marketplace.runtime.keys import change_keys, load_keys
from simulator.behaviour import Habits
from stack.settled import wait_until

LEAD_S: Final = 2
ROTATIONS: Final = 4


@pytest.fixture(scope="module")
def make_backend() -> Callable[[Path], Backend]:
    return Backend.embedded


@pytest.fixture(scope="module")
def two_of_each(make_mesh: MakeMesh) -> Mesh:
    mesh = make_mesh()
    mesh.start()
    mesh.start_another("adserver")
    mesh.start_another("feedback-handler")
    return mesh


def keys_of(mesh: Mesh) -> Path:
    return Path(mesh.environment["RECEIPT_KEYS"])


def rotate(mesh: Mesh) -> None:
    """Adds a key and waits until it seals."""
    done = mesh.program("admanager.cli", "keys", "rotate", "--lead-seconds", str(LEAD_S))
    assert done.returncode == 0, done.stderr
    sealing_us = max(key.active_from_us for key in load_keys(keys_of(mesh)))
    wait_until("it seals", lambda: system_clock() > sealing_us, START_S)


def test_receipts_are_sealed_with_a_new_key(two_of_each: Mesh) -> None:
    mine = Advertiser.create(two_of_each, budget_nanos=10**10)
    before = {key.key_id for key in load_keys(keys_of(two_of_each))}
    rotate(two_of_each)
    receipt = mine.serve_soon(allowed_s(2.0)).receipt
    assert receipt[1:5] == max(load_keys(keys_of(two_of_each)), key=lambda key: key.active_from_us).key_id
    assert receipt[1:5] not in before


def test_a_dropped_key_is_refused_by_every_handler_within_seconds(two_of_each: Mesh) -> None:
    mesh = two_of_each
    mine = Advertiser.create(mesh, budget_nanos=10**10)
    stolen = mine.serve_soon(allowed_s(2.0))
    assert mine.act(mine.serve_soon(allowed_s(2.0)), CLICK).charged_nanos == CPC
    done = mesh.program("admanager.cli", "keys", "drop", stolen.receipt[1:5].hex())
    assert done.returncode == 0, done.stderr

    def refused() -> bool:
        import grpc

        try:
            mine.act(stolen, CLICK)
        except grpc.RpcError as problem:
            return "not one of ours" in str(problem.details())
        return False

    wait_until("refused", refused, allowed_s(5.0))
    wait_until("sealed with another", lambda: resealed(mine, stolen.receipt), allowed_s(5.0))
    assert mine.act(mine.serve_soon(CALL_S), CLICK).charged_nanos == CPC


def resealed(mine: Advertiser, receipt: bytes) -> bool:
    ad = mine.serve()
    return ad is not None and ad.receipt[1:5] != receipt[1:5]


def test_no_receipt_is_refused(two_of_each: Mesh, tmp_path: Path) -> None:
    mesh = two_of_each
    mesh.replay(write_stream(tmp_path / "commands.jsonl"), "--rebase", "now")
    before, charged = len(load_keys(keys_of(mesh))), mesh.ledger()
    servers = ("adserver,adserver-2", "feedback-handler,feedback-handler-2")
    with under_load(mesh, habits=Habits(think_s=0.5, duplicates=0.1), servers=servers) as load:
        load.await_feedback(20, START_S)
        for _ in range(ROTATIONS):
            rotate(mesh)
            load.await_feedback(40, START_S)
    assert len(load_keys(keys_of(mesh))) == before + ROTATIONS, "none is old enough to go"
    assert load.stats.errors == {}
    assert (load.stats.failed, load.stats.in_flight) == (0, 0)
    assert mesh.ledger() == charged | load.acknowledged.charged_nanos
    mesh.settle()
    mesh.reconciled()


def test_the_slot_manager_rotates_by_itself(two_of_each: Mesh) -> None:
    """Its keys are made old: at its next look, or at its start, it adds a new one."""
    mesh = two_of_each
    path = keys_of(mesh)
    mesh.stop("slot-manager")
    old_us = system_clock() - 25 * 3_600 * 10**6
    aged = json.loads(path.read_text())
    for key in aged["keys"]:
        key["active_from_us"] = min(key["active_from_us"], old_us)
    path.write_text(json.dumps(aged))
    mesh.start("slot-manager")
    wait_until("rotated", lambda: max(key.active_from_us for key in load_keys(path)) > old_us, START_S)
    assert not change_keys(path, lambda keys: keys)
