"""What a feedback costs: cases as data, and what holds for every order and number of repeats."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.charging import Account, Entry, charge, first_answer
from marketplace.campaign import Status, Window
from marketplace.feedback import Action, ChargedAction
from marketplace.serve import Terms
from marketplace.slots import SlotGrid, slot_share_nanos

GRID = SlotGrid(600_000_000)
WINDOW = Window(0, 6 * 600_000_000)
CASES = json.loads((Path(__file__).parents[2] / "cases" / "charging" / "receipts.json").read_text())
AMOUNTS = st.integers(0, 10**6)
ACTIONS = st.sampled_from(Action)


def account(budget: int, **other: Any) -> Account:
    blank = Account(
        campaign_id="c",
        status=Status.ACTIVE,
        window=WINDOW,
        budget_nanos=budget,
        spent_nanos=0,
        slot_no=0,
        slot_budget_nanos=budget,
        event_seq=0,
    )
    return replace(blank, **other)


def terms(cpc: int, cpa: int) -> Terms:
    return Terms("r", "c", 1, cpc, cpa, b"")


def play(start: Account, ad: Terms, actions: list[Action], now_us: int = 1) -> tuple[Account, list[ChargedAction]]:
    """Charges feedback after feedback on one receipt, as the handler does."""
    history: list[Entry] = []
    events = []
    for action in actions:
        if first_answer(history, action) is None:
            done = charge(start, history, ad, action, now_us, GRID)
            start, events = done.account, [*events, done.event]
            history.append(done.entry)
    return start, events


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    start = account(case["budget"], status=Status(case.get("status", "ACTIVE")), spent_nanos=case.get("spent", 0))
    after, events = play(start, terms(case["cpc"], case["cpa"]), [Action[name] for name in case["actions"]])
    found = [
        [event.charged_nanos, event.uncharged_nanos, event.view, event.click, event.acquisition] for event in events
    ]
    assert found == case["events"]
    assert after.status.value == case["status_after"]
    assert after.spent_nanos == start.spent_nanos + sum(event[0] for event in case["events"])


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.lists(ACTIONS, min_size=1, max_size=12))
def test_neither_order_nor_repeats_change_what_a_receipt_costs(
    cpc: int, cpa: int, budget: int, actions: list[Action]
) -> None:
    after, events = play(account(budget), terms(cpc, cpa), actions)
    prices = {Action.VIEW: 0, Action.CLICK: cpc, Action.ACQUISITION: cpa}
    assert sum(event.charged_nanos + event.uncharged_nanos for event in events) == max(map(prices.get, actions))  # type: ignore[type-var]
    assert after.spent_nanos == sum(event.charged_nanos for event in events) <= budget
    assert [event.event_seq for event in events] == list(range(1, len(set(actions)) + 1))


@given(st.permutations(list(Action) * 2))
def test_each_action_becomes_true_once(actions: list[Action]) -> None:
    _, events = play(account(10**6), terms(3, 5), actions)
    assert [sum(getattr(event, name) for event in events) for name in ("view", "click", "acquisition")] == [1, 1, 1]


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, ACTIONS), max_size=20), AMOUNTS)
def test_a_budget_is_never_overspent_and_never_left_while_something_is_due(
    feedback: list[tuple[int, int, Action]], budget: int
) -> None:
    state, charged, uncharged = account(budget), 0, 0
    for cpc, cpa, action in feedback:
        state, events = play(state, terms(cpc, cpa), [action])
        charged += sum(event.charged_nanos for event in events)
        uncharged += sum(event.uncharged_nanos for event in events)
    assert state.spent_nanos == charged <= budget
    assert not uncharged or charged == budget
    assert (state.status is Status.EXHAUSTED) == (bool(feedback) and charged == budget)


def test_a_charge_in_a_new_slot_opens_it_first() -> None:
    now_us = 2 * 600_000_000
    after, _ = play(account(600, slot_budget_nanos=0), terms(30, 90), [Action.CLICK], now_us)
    assert after.slot_no == 2
    assert after.slot_budget_nanos == slot_share_nanos(GRID, WINDOW, 600, 2) - 30


def test_a_slot_pays_at_most_down_to_nothing_and_the_charge_stands() -> None:
    after, events = play(account(600, slot_budget_nanos=10), terms(30, 90), [Action.CLICK])
    assert (after.slot_budget_nanos, events[0].charged_nanos, after.eligible) == (0, 30, False)


def test_a_topped_up_campaign_does_not_pay_what_was_uncharged_before() -> None:
    poor, ad = account(10), terms(30, 90)
    first = charge(poor, [], ad, Action.CLICK, 1, GRID)
    rich = replace(first.account, budget_nanos=1_000, status=Status.ACTIVE)
    again = charge(rich, [first.entry], ad, Action.ACQUISITION, 1, GRID)
    assert (first.entry.charged_nanos, first.entry.uncharged_nanos) == (10, 20)
    assert (again.entry.charged_nanos, again.entry.uncharged_nanos) == (60, 0)
