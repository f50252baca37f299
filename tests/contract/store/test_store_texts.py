"""Whatever people write survives the store; what people read of it is exact."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text
from store_cases import NOW_US, Store, answered, campaign, claim, command, records, serve_of

from admanager.ports import CampaignFilter
from marketplace.campaign import Targeting
from marketplace.feedback import Action
from marketplace.money import MAX_BUDGET_NANOS, MAX_PRICE_NANOS

HOSTILE = (
    "'; DROP TABLE ads; --",
    '"\\" \\\' `',
    "%s %(text)s %% :text ?",
    "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT OVERRIDE}क्या",
    "nul \x00 tab \t line \r\n",
    "  space around  ",
    "\\",
    " ",
)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_in_any_field(store: Store, words: str) -> None:
    target = Targeting(gender=words, city=words, state=words, country=words, income_bucket=words, device=words)
    made = campaign(account=words, text=words, category=words, keywords=words, targeting=target)
    store.put(made, replace(made, campaign_id="d"))
    assert store.campaign() == made
    with store.commands.applying("t", 0) as unit:
        unit.update([replace(made, text=f"{words}!"), replace(made, campaign_id="d", keywords="")])
        unit.commit(1)
    assert store.campaign() == replace(made, text=f"{words}!", change_no=1)
    wanted = CampaignFilter(category=words, city=words, device=words, account=words)
    assert [one.campaign_id for one in store.commands.campaigns(wanted, "", 10)] == ["c", "d"]
    assert store.commands.campaign(words) is None
    assert store.commands.command(words) is None
    assert store.commands.campaigns(CampaignFilter(category=f"{words}x"), words, 10) == []


def test_any_text_of_a_command_and_of_a_serve(store: Store) -> None:
    store.apply(records([command(text=words, account=words) for words in HOSTILE]))
    assert store.campaign().text == HOSTILE[0]
    for words in HOSTILE:
        viewer = replace(serve_of(campaign()).viewer, user_id=words, city=words)
        answered(store.charge(claim(campaign(), Action.VIEW, viewer=viewer)))
    assert store.assert_adds_up() == len(HOSTILE)


def test_people_read_exact_amounts_and_times(store: Store) -> None:
    amounts = {"cpc_nanos": 1, "cpa_nanos": MAX_PRICE_NANOS, "spent_nanos": 1_000_000_001}
    store.put(campaign(budget_nanos=MAX_BUDGET_NANOS, slot_budget_nanos=0, **amounts))
    answered(store.charge(claim(campaign(cpc_nanos=123_456_789), Action.CLICK)))
    (row,) = store.rows(text("SELECT cpc, cpa, budget, spent, start_time, end_time, status FROM campaigns_for_people"))
    shown = [f"{Decimal(amount):f}" for amount in (row.cpc, row.cpa, row.budget, row.spent)]
    assert shown == ["0.000000001", "1000000.000000000", "9000000000.000000000", "1.123456790"]
    assert [str(row.start_time)[:19], str(row.end_time)[:19]] == ["2026-10-01 10:00:00", "2026-10-01 11:00:00"]
    (row,) = store.rows(text("SELECT * FROM charges_for_people"))
    assert [row.campaign_id, row.event_seq, row.user_action] == ["c", 1, "CLICK"]
    assert [f"{Decimal(amount):f}" for amount in (row.charged, row.uncharged)] == ["0.123456789", "0.000000000"]
    assert str(row.charged_at).startswith("2026-10-01 10:00:00")
    assert NOW_US % 1_000_000 == 0
