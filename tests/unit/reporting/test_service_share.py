"""How a campaign fares in the sample: only auctions that it could have been in count, and each of them once."""

from dataclasses import replace

import pytest

from marketplace.campaign import Campaign, Status, Targeting, Window
from reporting.service.sample import SampledAd
from reporting.service.share import Share, eligible_span, share_of

AD = SampledAd(1_000, "winner", 30_000, 20_000, 34, "F", "H", "Mumbai", "Maharashtra", "iPhone", "India", 7)
ALWAYS = Window(0, 10_000)
CAMPAIGN = Campaign(
    campaign_id="mine",
    account="a",
    text="",
    category="",
    keywords="",
    targeting=Targeting(),
    window=Window(1_000, 5_000),
    cpc_nanos=1,
    cpa_nanos=1,
    budget_nanos=1,
    highest_budget_nanos=1,
    updated_us=500,
)


def at(served_at_us: int, winner: str = "winner", bid: int = 30_000, **changed: object) -> SampledAd:
    return AD._replace(served_at_us=served_at_us, campaign_id=winner, bid_cpm_nanos=bid, **changed)  # type: ignore[arg-type]


def share(*ads: SampledAd, span: Window = ALWAYS, targeting: Targeting | None = None) -> Share:
    return share_of(targeting or Targeting(), "mine", span, ads)


def test_won_and_lost_by_targeting() -> None:
    found = share(at(1), at(2, "mine"), at(3, gender="M"), at(4, bid=10_000), targeting=Targeting(gender="F"))
    assert found == Share(sampled=4, auctions=4, entered=3, won=1, winning_bid_cpm_nanos=20_000, since_us=1)
    assert share() == Share()


def test_ads_of_one_request_are_one_auction() -> None:
    three_places = (at(1, "a", 50), at(1, "mine", 40), at(1, "b", 30))
    lost = (at(2, "a", 50), at(2, "b", 30))
    alike = (at(3, "a", 20, auction=1), at(3, "mine", 20, auction=2))  # of two users, in the same microsecond
    assert share(*three_places) == Share(3, 1, 1, 1, 0, 1), "who won the second place did not lose to the others"
    found = share(*three_places, *lost, *alike)
    assert (found.sampled, found.auctions, found.entered, found.won) == (7, 4, 4, 2)
    assert found.winning_bid_cpm_nanos == (30 + 20) // 2, "what would have been enough to win a place"


def test_auctions_outside_its_span_do_not_count() -> None:
    found = share(at(1), at(2, "mine"), at(3), at(4), at(5), span=Window(3, 5))
    assert found == Share(sampled=5, auctions=2, entered=2, won=0, winning_bid_cpm_nanos=30_000, since_us=3)
    assert share(at(7), span=Window(3, 5)) == Share(1, 0, 0, 0, 0, 7)


@pytest.mark.parametrize(
    ("changed", "last_charged_us", "span"),
    [
        ({}, 0, (1_000, 5_000)),
        ({"updated_us": 2_000}, 0, (2_000, 5_000)),
        ({"updated_us": 2_000, "status": Status.STOPPED}, 1_500, (2_000, 2_000)),
        ({"updated_us": 2_000, "status": Status.EXHAUSTED}, 3_000, (2_000, 3_000)),
        ({"updated_us": 2_000, "status": Status.EXHAUSTED}, 0, (2_000, 0)),
        ({"status": Status.EXHAUSTED}, 6_000, (1_000, 5_000)),
    ],
    ids=["before its window", "since its last command", "stopped", "exhausted", "long exhausted", "charged after it"],
)
def test_when_it_was_in_auctions(changed: dict[str, object], last_charged_us: int, span: tuple[int, int]) -> None:
    campaign = replace(CAMPAIGN, **changed)  # type: ignore[arg-type]
    assert eligible_span(campaign, last_charged_us) == Window(*span)
