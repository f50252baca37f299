"""The charging transaction: ledger, outbox and the campaign's row move together, once."""

import uuid
from dataclasses import replace
from random import Random

from sqlalchemy import select
from store_cases import (
    HOUR_US,
    LIFE_US,
    NOW_SLOT,
    NOW_US,
    UNIT,
    Store,
    answered,
    campaign,
    claim,
    claim_on,
    command,
    records,
    serve_of,
)

from feedback.store import SqlChargeStore
from marketplace.campaign import Status
from marketplace.errors import ReceiptExpired, Unavailable
from marketplace.feedback import Action
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.outbox import shard_of
from marketplace.runtime.store.schema import counters, outbox
from marketplace.slots import DEFAULT_SLOT_US
from marketplace.wire import decode_event

VIEW, CLICK, _ = Action


def test_a_charge_is_in_the_ledger_the_outbox_and_the_campaign(store: Store) -> None:
    c = campaign()
    store.put(c)
    serve = serve_of(c)
    (answer,) = answered(store.charge(claim_on(serve, CLICK)))
    assert (answer.request_id, answer.repeat, answer.charged_nanos) == (serve.request_id, False, c.cpc_nanos)
    assert store.assert_adds_up() == 1
    spent = {"spent_nanos": c.cpc_nanos, "slot_budget_nanos": c.slot_budget_nanos - c.cpc_nanos, "event_seq": 1}
    assert store.campaign() == replace(c, **spent)
    (row,) = store.rows(select(outbox))
    assert (row.topic, row.message_key, row.shard, row.event_seq) == (USER_FEEDBACK, b"c", shard_of("c"), 1)
    event = decode_event(row.value)
    assert (event.serve, event.action, event.charged_at_us) == (serve, CLICK, NOW_US + 1)
    assert (event.view, event.click, event.acquisition, event.charged_nanos) == (1, 1, 0, c.cpc_nanos)


def test_a_repeat_bills_nothing_and_is_answered_with_the_first_charge(store: Store) -> None:
    store.put(campaign())
    click = claim(campaign(), CLICK)
    verdicts = answered(store.charge(click, click) + store.charge(click))
    assert [(one.repeat, one.charged_nanos) for one in verdicts] == [(False, 660_000), (True, 660_000), (True, 660_000)]
    assert store.assert_adds_up() == 1


def test_any_order_and_any_batches_cost_the_highest_price(store: Store) -> None:
    campaigns = [campaign(f"c{number}") for number in range(3)]
    store.put(*campaigns)
    random = Random(1)
    serves = [(one, str(uuid.UUID(int=n))) for n, one in enumerate(campaigns * 8)]
    claims = [claim(one, action, request_id=request_id) for one, request_id in serves for action in Action]
    claims += random.choices(claims, k=40)
    random.shuffle(claims)
    while claims:
        answered(store.charge(*claims[:7]))
        del claims[:7]
    for one in campaigns:
        assert store.assert_adds_up(one.campaign_id) == 24
        assert store.campaign(one.campaign_id).spent_nanos == 8 * one.cpa_nanos


def test_one_bad_claim_fails_alone(store: Store) -> None:
    store.put(campaign())
    expired = claim(campaign(), CLICK, served_at_us=NOW_US - LIFE_US)
    verdicts = store.charge(claim(campaign(), CLICK), expired, claim(campaign("gone"), CLICK), claim(campaign(), VIEW))
    assert isinstance(verdicts[1], ReceiptExpired)
    assert isinstance(verdicts[2], Unavailable)
    assert len(answered([verdicts[0], verdicts[3]])) == 2
    assert store.assert_adds_up() == 2


def test_nothing_is_there_without_a_commit(store: Store) -> None:
    store.put(campaign())
    with SqlChargeStore(store.engine).charging() as unit:
        assert unit.lock_accounts({"c", "gone"}).keys() == {"c"}
        assert unit.histories({"r"}) == {}
        unit.save([replace(unit.lock_accounts({"c"})["c"], spent_nanos=5)], ["c"])
    assert store.campaign() == campaign()
    SqlChargeStore(store.engine).ping()


def test_the_change_feed_hears_when_a_campaign_is_exhausted_or_its_slot_dry_and_not_of_spending(store: Store) -> None:
    dry, poor = campaign("dry", slot_budget_nanos=1_000_000), campaign("poor", budget_nanos=1_000_000)
    rich = campaign("rich")
    store.put(dry, poor, rich)
    store.charge(claim(dry, CLICK), claim(poor, CLICK), claim(rich, CLICK))
    assert [store.campaign(one).change_no for one in ("dry", "poor", "rich")] == [0, 0, 0]
    store.charge(claim(dry, CLICK), claim(poor, CLICK), claim(rich, CLICK))
    assert [store.campaign(one).change_no for one in ("dry", "poor", "rich")] == [1, 1, 0]
    assert [store.campaign(one).status for one in ("dry", "poor")] == [Status.ACTIVE, Status.EXHAUSTED]
    assert [store.campaign(one).servable for one in ("dry", "poor", "rich")] == [False, False, True]
    store.charge(claim(dry, CLICK), claim(poor, CLICK))
    assert store.rows(select(counters.c.value).filter_by(name="ads")) == [(1,)]


def test_the_first_charge_in_a_new_slot_reopens_a_dry_one(store: Store) -> None:
    store.put(campaign(slot_budget_nanos=0))
    store.charge(claim(campaign(), CLICK), clock=lambda: NOW_US + DEFAULT_SLOT_US)
    row = store.campaign()
    assert (row.slot_no, row.slot_budget_nanos, row.change_no) == (NOW_SLOT + 1, 12 * UNIT - row.cpc_nanos, 1)


def test_clicks_in_flight_count_after_a_stop_and_after_the_window(store: Store) -> None:
    store.apply(records([command(), command(action="Stop Campaign")]))
    answered(store.charge(claim(campaign(), CLICK)))
    answered(store.charge(claim(campaign(), CLICK), clock=lambda: NOW_US + 2 * HOUR_US))
    assert store.assert_adds_up() == 2
    row = store.campaign()
    assert (row.status, row.spent_nanos, row.slot_budget_nanos) == (Status.STOPPED, 2 * 660_000, 0)


def test_a_budget_lowered_below_what_was_spent_and_topped_up_again(store: Store) -> None:
    store.apply(records([command(budget="1")]))
    answered(store.charge(*(claim(campaign(), CLICK) for _ in range(10))))
    spent = store.campaign().spent_nanos
    store.apply(records([command(action="Update Campaign", budget="0.001")], 1))
    assert (store.campaign().status, store.campaign().leftover_nanos) == (Status.EXHAUSTED, 0)
    (uncharged,) = answered(store.charge(claim(campaign(), CLICK)))
    assert uncharged.charged_nanos == 0
    store.apply(records([command(action="Update Campaign", budget="2")], 2))
    assert (store.campaign().status, store.campaign().leftover_nanos) == (Status.ACTIVE, 2 * UNIT - spent)
    (charged,) = answered(store.charge(claim(campaign(), CLICK)))
    assert charged.charged_nanos == 660_000
    assert store.assert_adds_up() == 12


def test_a_full_batch_of_large_receipts_fits(store: Store) -> None:
    store.put(campaign())
    long = replace(serve_of(campaign()).viewer, user_id="'" * 3_500)
    claims = [claim(campaign(), VIEW, viewer=long) for _ in range(2_000)]
    assert len(answered(store.charge(*claims))) == 2_000
    assert store.assert_adds_up() == 2_000


def test_a_lost_answer_changes_nothing_when_the_batch_runs_again(store: Store) -> None:
    """The commit happened, the connection was lost before its answer: `retrying` runs the whole batch once more."""
    store.put(campaign())
    claims = [claim(campaign(), CLICK), claim(campaign(), VIEW)]
    first = answered(store.charge(*claims))
    again = answered(store.charge(*claims))
    assert [one.charged_nanos for one in again] == [one.charged_nanos for one in first]
    assert store.assert_adds_up() == 2
