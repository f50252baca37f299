"""The auction's cases: `tests/cases/auction/*.json`, times in microseconds, money in nanos."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from auction_campaigns import campaign

from adserver.auction import hold_auction
from adserver.index import Index
from adserver.request import Request
from marketplace.bids import cpm_nanos
from marketplace.campaign import Campaign, Status, Targeting

FILES = sorted((Path(__file__).parents[2] / "cases" / "auction").glob("*.json"))
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in FILES
    for case in json.loads(path.read_text(encoding="utf-8"))
]


def campaign_of(given: dict[str, Any]) -> Campaign:
    """Reads a campaign of a case; what it does not name has the default."""
    named = dict(given)
    age_start, age_end = named.pop("age", (0, 0))
    made = campaign(
        named.pop("id"),
        cpc_nanos=named.pop("cpc", 660_000),
        cpa_nanos=named.pop("cpa", 52_900_000),
        window=tuple(named.pop("window", (0, 10_000))),
        status=Status(named.pop("status", "ACTIVE")),
        budget_nanos=named.pop("budget", 500),
        spent_nanos=named.pop("spent", 0),
        slot_budget_nanos=named.pop("slot_budget", 100),
        targeting=Targeting(age_start=age_start, age_end=age_end, **named),
    )
    return made


@pytest.mark.parametrize("applied", [False, True], ids=["built", "applied"])
@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any], applied: bool) -> None:
    campaigns = [campaign_of(given) for given in case["campaigns"]]
    now_us = case.get("now_us", 5_000)
    index = Index.build([] if applied else campaigns, now_us)
    if applied:
        index.apply(campaigns, now_us)

    wins = hold_auction(index, Request(**case["request"]), now_us, case.get("ad_count", 1), random.Random(1).random)

    if case.get("any_order"):
        wins.sort(key=lambda win: win.ad.campaign_id)
    assert [win.ad.campaign_id for win in wins] == case["wins"]
    if "prices" in case:
        assert [[win.auction_cpc_nanos, win.auction_cpa_nanos] for win in wins] == case["prices"]
    if "cpms" in case:
        assert [win.auction_cpm_nanos for win in wins] == case["cpms"]
    assert index.any_live(now_us) is case.get("any_live", True)


def test_there_are_cases() -> None:
    assert len(CASES) > 50


def test_an_ad_keeps_what_answers_and_receipts_need() -> None:
    given = campaign_of({"id": "a", "age": [20, 45], "city": "Pune", "state": "Maharashtra", "device": "iPhone"})
    (win,) = hold_auction(Index.build([given], 0), Request(age=30), 0, 1, random.Random(1).random)
    assert (win.ad.text, win.ad.category) == (given.text, given.category)
    winner = win.ad.winner()
    assert winner.campaign_id == "a"
    assert winner.bid_cpm_nanos == cpm_nanos(15 * given.cpc_nanos + given.cpa_nanos)
    assert winner.target_age_range == "20-45"
    assert winner.target_location == "Pune, Maharashtra, All"
    assert (winner.target_gender, winner.target_income_bucket, winner.target_device_type) == ("All", "All", "iPhone")
    assert winner.window == given.window
