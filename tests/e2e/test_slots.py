"""Pacing: a slot that runs dry reopens with the next one, and no restart fills it before."""

import json
from typing import Final

from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from campaigns import ACQUISITION, CPA, Advertiser
from mesh import START_S, MakeMesh, Mesh, allowed_s

from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.slots import DEFAULT_SLOT_US, SlotGrid
from stack.settled import wait_until

SLOT_S: Final = 4
GRID: Final = SlotGrid(SLOT_S * US_PER_SECOND)
LONG_GRID: Final = SlotGrid(DEFAULT_SLOT_US)


def await_slot(number: int) -> None:
    wait_until(f"slot {number}", lambda: GRID.slot_at(system_clock()) >= number, SLOT_S + 1)


def fills(mesh: Mesh) -> list[int]:
    """Returns which slots slot managers have filled, from their log."""
    lines = (json.loads(line) for line in mesh.log("slot-manager").splitlines() if line.startswith("{"))
    return [line["slot_no"] for line in lines if line["event"] == "slots filled"]


def run_dry(mine: Advertiser) -> feedback_pb.SubmitFeedbackResponse:
    """Charges more than a slot holds, at once."""
    return mine.act(mine.serve_soon(allowed_s(1.0)), ACQUISITION)


def test_a_slot_that_runs_dry_reopens_with_the_next(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(SLOT_SECONDS=str(SLOT_S))
    mesh.start()
    slots = 60
    mine = Advertiser.create(mesh, budget_nanos=slots * CPA // 2, window_s=slots * SLOT_S)
    mine.serve_soon(allowed_s(1.0))
    slot_no = GRID.slot_at(system_clock()) + 1
    await_slot(slot_no)
    wait_until("slot filled", lambda: slot_no in fills(mesh), SLOT_S)

    assert run_dry(mine).charged_nanos == CPA
    dry = mine.campaign()
    assert (dry.slot_budget_nanos, dry.leftover_nanos) == (0, (slots // 2 - 1) * CPA)
    mine.await_silence(allowed_s(1.0))
    assert GRID.slot_at(system_clock()) == slot_no, "too slow: the slot was over before it was seen to be dry"

    await_slot(slot_no + 1)
    mine.serve_soon(allowed_s(1.5))
    assert 0 < mine.campaign().slot_budget_nanos < CPA
    mesh.settle()
    mesh.reconciled()


def test_a_slot_manager_restarted_in_mid_slot_fills_nothing_again(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.start()
    slot_no = LONG_GRID.slot_at(system_clock() + 30 * US_PER_SECOND)
    wait_until("slot with time enough", lambda: LONG_GRID.slot_at(system_clock()) == slot_no, 40)
    mine = Advertiser.create(mesh, budget_nanos=6 * CPA)  # an hour: a share of less than one acquisition
    assert run_dry(mine).charged_nanos == CPA

    before = len(fills(mesh))
    mesh.kill("slot-manager")
    wait_until("slots looked at", lambda: len(fills(mesh)) > before, START_S)
    assert fills(mesh)[-1] == slot_no
    assert mine.campaign().slot_budget_nanos == 0
    assert mine.serve() is None
