"""Pacing with slots of three seconds: one that runs dry, and a slot manager that comes back in the middle of one."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from campaigns import ACQUISITION, CPA, Advertiser
from conftest import MakeMesh
from mesh import Mesh, allowed_s

from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.slots import SlotGrid
from stack.settled import wait_until

SLOT_S: Final = 3
GRID: Final = SlotGrid(SLOT_S * US_PER_SECOND)
WINDOW_S: Final = 300


@pytest.fixture(scope="module")
def slotted(make_mesh: MakeMesh) -> Mesh:
    mesh = make_mesh(SLOT_SECONDS=str(SLOT_S))
    mesh.start()
    return mesh


@pytest.fixture
def mine(slotted: Mesh) -> Iterator[Advertiser]:
    """A campaign with a share of about three quarters of an acquisition a slot, at the beginning of a slot."""
    advertiser = Advertiser.create(slotted, budget_nanos=CPA * 75, window_s=WINDOW_S)
    advertiser.serve_soon(allowed_s(1.0))
    await_slot(GRID.slot_at(system_clock()) + 1)
    wait_until("slot filled", lambda: advertiser.campaign().slot_budget_nanos > 0, SLOT_S)
    yield advertiser
    advertiser.stop()


def await_slot(number: int) -> None:
    wait_until(f"slot {number}", lambda: GRID.slot_at(system_clock()) >= number, SLOT_S + 1)


def test_a_slot_that_runs_dry_reopens_with_the_next(mine: Advertiser) -> None:
    slot_no = GRID.slot_at(system_clock())
    ad = mine.serve_soon(allowed_s(1.0))
    assert mine.act(ad, ACQUISITION).charged_nanos == CPA
    dry = mine.campaign()
    assert dry.slot_budget_nanos == 0
    assert dry.leftover_nanos == 74 * CPA
    mine.await_silence(allowed_s(1.0))
    assert GRID.slot_at(system_clock()) == slot_no, "too slow: the slot was over before it was seen to be dry"

    await_slot(slot_no + 1)
    mine.serve_soon(allowed_s(1.5))
    assert 0 < mine.campaign().slot_budget_nanos < CPA
    mine.mesh.settle()
    mine.mesh.reconciled()


def test_a_slot_manager_restarted_in_mid_slot_fills_nothing_again(mine: Advertiser) -> None:
    mesh = mine.mesh
    ad = mine.serve_soon(allowed_s(1.0))
    mesh.kill("slot-manager")  # as long as a slot: so we begin anew with the next one
    slot_no = GRID.slot_at(system_clock()) + 1
    await_slot(slot_no)
    wait_until("slot filled", lambda: mine.campaign().slot_budget_nanos > 0, SLOT_S)
    assert mine.act(ad, ACQUISITION).charged_nanos == CPA
    assert mine.campaign().slot_budget_nanos == 0

    refills = mesh.log("slot-manager").count("slots filled")
    mesh.supervisor.kill("slot-manager")
    wait_until("slots looked at again", lambda: mesh.log("slot-manager").count("slots filled") > refills, 20)
    if GRID.slot_at(system_clock()) == slot_no:
        assert mine.campaign().slot_budget_nanos == 0
    time.sleep(0)
