"""What commands do to campaigns."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from command_messages import END_US, RULES, SLOTS, START_US, applied, bare, created, message

from admanager.commands import Rejected
from admanager.lifecycle import Outcome, Rules
from admanager.refill import refilled
from marketplace.campaign import Status, Window

UNIT = 10**9
SLOT_US = RULES.grid.length_us


def test_a_new_campaign() -> None:
    campaign = created()
    assert (campaign.window, campaign.status) == (Window(START_US, END_US), Status.ACTIVE)
    assert (campaign.cpc_nanos, campaign.cpa_nanos, campaign.budget_nanos) == (660_000, 52_900_000, 500 * UNIT)
    assert (campaign.targeting.age_range, campaign.targeting.city) == ("20-45", "All")
    assert campaign.account == "default"
    assert campaign.slot_budget_nanos == -(-500 * UNIT // SLOTS)
    assert campaign.servable


def test_a_new_for_a_known_campaign_is_a_repeat() -> None:
    assert applied(message(text="other"), created()).outcome is Outcome.REPEAT


def test_an_update_sets_what_it_carries_and_nothing_else() -> None:
    old = replace(created(), spent_nanos=100 * UNIT, event_seq=7)
    new = applied(bare("Update Campaign", cpc="0.001", budget=700), old, START_US + 1).campaign
    assert new == replace(
        old,
        cpc_nanos=1_000_000,
        budget_nanos=700 * UNIT,
        highest_budget_nanos=700 * UNIT,
        slot_budget_nanos=-(-600 * UNIT // SLOTS),
        updated_us=START_US + 1,
    )


def test_an_update_may_move_only_the_hours() -> None:
    new = applied(bare("Update Campaign", time_range={"start": "6:00:00", "end": "18:00:00"}), created()).campaign
    assert new and new.window == Window(START_US + 3_600 * 10**6, END_US)


def test_a_budget_below_what_was_spent_exhausts_and_a_larger_one_revives() -> None:
    spent = replace(created(), spent_nanos=300 * UNIT)
    low = applied(bare("Update Campaign", budget="200"), spent).campaign
    assert low and (low.status, low.leftover_nanos, low.slot_budget_nanos) == (Status.EXHAUSTED, 0, 0)
    assert low.highest_budget_nanos == 500 * UNIT
    high = applied(bare("Update Campaign", budget="400"), low).campaign
    assert high and (high.status, high.leftover_nanos) == (Status.ACTIVE, 100 * UNIT)
    assert high.slot_budget_nanos == -(-100 * UNIT // SLOTS)


def test_a_stop_is_final_and_what_comes_after_is_late() -> None:
    stopped = applied(bare("Stop Campaign"), created()).campaign
    assert stopped and stopped.status is Status.STOPPED and not stopped.servable
    for late in (message(), bare("Update Campaign", budget=900), bare("Stop Campaign")):
        assert applied(late, stopped).outcome is Outcome.LATE


@pytest.mark.parametrize(("verb", "status"), [("Update Campaign", Status.ACTIVE), ("Stop Campaign", Status.STOPPED)])
def test_an_unknown_campaign_is_stored_if_the_command_is_complete(verb: str, status: Status) -> None:
    done = applied(message(action=verb))
    assert done.outcome is Outcome.APPLIED
    assert done.campaign and done.campaign.status is status
    with pytest.raises(Rejected, match="campaign_id: is unknown") as caught:
        applied(message(action=verb, budget=None))
    assert "budget is missing" in caught.value.reason


def test_a_campaign_without_a_budget_begins_exhausted() -> None:
    assert created(budget=0).status is Status.EXHAUSTED


def test_windows_are_meant_in_the_time_zone_of_the_settings() -> None:
    there = applied(message(), rules=Rules(RULES.grid, ZoneInfo("Asia/Kolkata"))).campaign
    assert there and there.window.start_us == START_US - 19_800 * 10**6


def test_before_its_window_a_campaign_has_its_first_slot_already() -> None:
    early = applied(message(), now_us=START_US - 5 * SLOT_US).campaign
    assert early and (early.slot_no, early.slot_budget_nanos) == (START_US // SLOT_US, -(-500 * UNIT // SLOTS))


def test_a_slot_is_a_share_of_what_is_left_for_the_slots_that_are_left() -> None:
    last = START_US // SLOT_US + SLOTS - 1
    rich = replace(created(), spent_nanos=499 * UNIT)
    assert refilled(rich, RULES.grid, last).slot_budget_nanos == UNIT
    assert refilled(rich, RULES.grid, last - 2).slot_budget_nanos == -(-UNIT // 3)
    assert refilled(rich, RULES.grid, last + 1).slot_budget_nanos == 0
