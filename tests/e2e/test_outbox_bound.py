"""The outbox grows to a bound while nothing relays it, then feedback is refused; it drains, and feedback goes on."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc
import pytest
from campaigns import CLICK, CPC, Advertiser
from mesh import Backend, MakeMesh, allowed_s
from sqlalchemy import make_url

from stack.settled import wait_until

LIMIT: Final = 20


@pytest.fixture(scope="module")
def make_backend() -> Callable[[Path], Backend]:
    return Backend.embedded


def test_what_waits_for_the_log_is_bounded_and_nothing_of_it_is_lost(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(OUTBOX_LIMIT=str(LIMIT))
    mesh.start()
    mine = Advertiser.create(mesh, budget_nanos=10**12)
    mesh.settle_commands()
    charged = 0

    def refused() -> bool:
        nonlocal charged
        try:
            assert mine.act(mine.serve_soon(allowed_s(2.0)), CLICK).charged_nanos == CPC
        except grpc.RpcError as problem:
            assert problem.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "the log is behind" in str(problem.details())
            return True
        charged += 1
        return False

    path = f"{make_url(mesh.environment['STORE_URL']).database}-outbox.lock"
    with Path(path).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a relay that never comes to its end
        wait_until("the outbox is full", refused, allowed_s(20.0))
        assert charged >= LIMIT
        assert len(mesh.ledger()) == charged
    wait_until("feedback is taken again", lambda: not refused(), allowed_s(15.0))
    mesh.settle()
    assert mesh.reconciled().in_flight_events == 0
    assert len(mesh.ledger()) == charged
