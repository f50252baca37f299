"""Slots are filled once, whoever does it and however often."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select
from store_cases import GRID, HOUR_US, NOW_SLOT, NOW_US, UNIT, Store, answered, campaign, claim, command, records

from admanager.refill import refill_slots
from admanager.store import SqlCommandStore, SqlRefillUnit
from marketplace.campaign import Campaign, Status, Window
from marketplace.feedback import Action
from marketplace.runtime.store.schema import counters
from marketplace.slots import DEFAULT_SLOT_US

NEXT_US = NOW_US + DEFAULT_SLOT_US
NEXT_SLOT = NOW_SLOT + 1


def refill(store: Store, now_us: int = NEXT_US, batch_size: int = 3) -> int:
    return refill_slots(store.commands, GRID, now_us, batch_size)


def test_every_due_campaign_gets_its_share_once(store: Store) -> None:
    store.put(*(campaign(f"c{n}", spent_nanos=n * UNIT) for n in range(8)))
    assert refill(store) == 8
    for n in range(8):
        row = store.campaign(f"c{n}")
        assert (row.slot_no, row.slot_budget_nanos) == (NEXT_SLOT, -(-(60 - n) * UNIT // 5))
    assert refill(store) == refill(store, NEXT_US + DEFAULT_SLOT_US - 1) == 0
    assert refill(store, NEXT_US + DEFAULT_SLOT_US) == 8


def test_a_restart_in_mid_slot_fills_nothing_again(store: Store) -> None:
    store.put(campaign())
    refill(store)
    answered(store.charge(claim(campaign(), Action.ACQUISITION), clock=lambda: NEXT_US + 1))
    spent_down = store.campaign()
    assert refill(store, NEXT_US + 2) == 0
    assert store.campaign() == spent_down


def test_only_the_due_are_filled(store: Store) -> None:
    not_due = [
        campaign("done", slot_no=NEXT_SLOT, slot_budget_nanos=1),
        campaign("ended", window=Window(NOW_US, NEXT_US)),
        campaign("exhausted", status=Status.EXHAUSTED),
        campaign("later", window=Window(NEXT_US + 1 + HOUR_US, NEXT_US + 2 * HOUR_US), slot_no=NOW_SLOT + 7),
        campaign("stopped", status=Status.STOPPED),
    ]
    store.put(*not_due, campaign("due"))
    assert refill(store) == 1
    assert [store.campaign(one.campaign_id) for one in not_due] == not_due


def test_a_slot_that_a_charge_has_opened_is_not_filled_again(store: Store) -> None:
    store.put(campaign())
    answered(store.charge(claim(campaign(), Action.CLICK), clock=lambda: NEXT_US))
    opened = store.campaign()
    assert (opened.slot_no, opened.slot_budget_nanos) == (NEXT_SLOT, 12 * UNIT - 660_000)
    assert refill(store) == 0
    assert store.campaign() == opened


def test_a_campaign_that_a_command_made_has_its_slot(store: Store) -> None:
    store.apply(records([command()]))
    assert refill(store, NOW_US) == 0


def test_the_change_feed_hears_only_of_slots_that_reopen(store: Store) -> None:
    store.put(campaign("dry", slot_budget_nanos=0), campaign("full"))
    refill(store)
    assert (store.campaign("dry").change_no, store.campaign("full").change_no) == (1, 0)
    refill(store, NEXT_US + DEFAULT_SLOT_US)
    assert store.rows(select(counters.c.value).filter_by(name="ads")) == [(1,)]


class DyingUnit(SqlRefillUnit):
    """Dies in the batch that holds the last campaign."""

    def refill(self, campaigns: Sequence[Campaign], reopened: Iterable[str]) -> None:
        if campaigns[-1].campaign_id == "c7":
            raise SystemExit
        super().refill(campaigns, reopened)


def test_a_death_in_the_middle_leaves_the_rest_for_the_next_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(*(campaign(f"c{n}") for n in range(8)))
    monkeypatch.setattr("admanager.store.SqlRefillUnit", DyingUnit)
    with pytest.raises(SystemExit):
        refill(store)
    monkeypatch.undo()
    assert [store.campaign(f"c{n}").slot_no for n in range(8)] == [NEXT_SLOT] * 6 + [NOW_SLOT] * 2
    assert refill(store) == 2


def test_two_slot_managers_fill_each_campaign_once(store: Store) -> None:
    store.put(*(campaign(f"c{n:02d}") for n in range(40)))
    counts: list[int] = []

    def fill() -> None:
        counts.append(refill_slots(SqlCommandStore(store.engine), GRID, NEXT_US, 7))

    threads = [threading.Thread(target=fill) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts) == 40


def test_the_largest_batch_of_the_settings_is_one_transaction(store: Store) -> None:
    blank = campaign(slot_budget_nanos=0)
    store.put(*(replace(blank, campaign_id=f"c{n:05d}") for n in range(10_000)))
    assert refill(store, batch_size=10_000) == 10_000
    assert store.rows(select(counters.c.value).filter_by(name="ads")) == [(1,)]
