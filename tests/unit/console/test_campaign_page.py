"""What a campaign's page makes of its course and its charges: lines, sums, and sentences that say why."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc
import pytest
from adplatform.v1 import campaign_manager_pb2 as manager_pb
from adplatform.v1 import reporting_pb2 as pb
from fake_mesh import Failed, Stub, client_of, site_of
from google.protobuf.timestamp_pb2 import Timestamp

from console.pages.campaign import _even, _lines, _total, why

START = 1_000_000_020
VIEW, CLICK, ACQUISITION = 1, 2, 3
UNIT = 10**9


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def at(seconds: int) -> Timestamp:
    return Timestamp(seconds=seconds)


def point(minute: int, **fields: int) -> pb.SeriesPoint:
    return pb.SeriesPoint(start_time=at(START + 60 * minute), **fields)


def course(*points: pb.SeriesPoint, **fields: Any) -> pb.GetCampaignSeriesResponse:
    return pb.GetCampaignSeriesResponse(**{"step_seconds": 60, "points": points, "complete": True, **fields})


def charge(action: int, price: int, charged: int, **fields: Any) -> pb.Charge:
    return pb.Charge(
        **{
            "action": action,
            "price_nanos": price,
            "charged_nanos": charged,
            "bid_cpm_nanos": 40,
            "clearing_cpm_nanos": 40,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (charge(VIEW, 0, 0), "A view costs nothing."),
        (charge(CLICK, 660_000, 660_000), "The auction priced this click at 0.00066, its own bid."),
        (
            charge(ACQUISITION, UNIT, UNIT, clearing_cpm_nanos=30),
            "The auction priced this acquisition at 1.00, 75.0% of its own bid: what the next bidder offered.",
        ),
        (
            charge(ACQUISITION, UNIT, 750_000_000),
            "The auction priced this acquisition at 1.00, its own bid; 0.25 of it had been charged for the same ad "
            "before.",
        ),
        (
            charge(CLICK, UNIT, 1, uncharged_nanos=UNIT - 1),
            "The auction priced this click at 1.00, its own bid; 0.999999999 was beyond the budget and is not charged.",
        ),
        (
            charge(CLICK, 3 * UNIT, UNIT, uncharged_nanos=UNIT),
            "The auction priced this click at 3.00, its own bid; 1.00 of it had been charged for the same ad before; "
            "1.00 was beyond the budget and is not charged.",
        ),
        (
            charge(CLICK, UNIT, 0, bid_cpm_nanos=0, clearing_cpm_nanos=5),
            "The auction priced this click at 1.00, 100.0% of its own bid: what the next bidder offered; 1.00 of it "
            "had been charged for the same ad before.",
        ),
    ],
)
def test_why_a_charge_is_what_it_is(made: pb.Charge, sentence: str) -> None:
    assert why(made) == sentence


@pytest.mark.parametrize(
    ("now", "spent"),
    [(-5, 0.0), (0, 0.0), (25, 0.5), (50, 1.0), (100, 2.0), (101, 2.0)],
)
def test_the_even_line(now: int, spent: float) -> None:
    assert _even(START + now, START, START + 100, 2 * UNIT) == spent


def test_the_even_line_of_no_time_at_all() -> None:
    assert _even(START, START, START, 2 * UNIT) == _even(0, START, START - 1, 2 * UNIT) == 2.0


def test_lines_go_from_the_start_until_now() -> None:
    drawn = course(
        point(1, wins=3),
        point(2, views=2, bid_cpm_nanos=40_000, clearing_cpm_nanos=30_000, charged_nanos=UNIT),
        point(5, views=9, charged_nanos=UNIT // 2),  # only sums are left of it
        charged_before_nanos=UNIT,
    )
    times, spent, bids, prices = _lines(drawn, START, START + 330)
    assert [each - START for each in times] == [0, 120, 180, 330, 330], "a step that goes on ends now"
    assert spent == [1.0, 1.0, 2.0, 2.5, 2.5]
    assert bids == [None, None, 0.04, None, None]
    assert prices == [None, None, 0.03, None, None]


def test_lines_of_what_has_not_begun_or_began_before_its_window() -> None:
    assert _lines(course(), START + 60, START) == ([START, START], [0.0, 0.0], [None, None], [None, None])
    times, *_ = _lines(course(point(0, charged_nanos=1)), START + 600, START + 300)
    assert times[0] == START


def test_sums_and_means_by_the_views_that_have_prices() -> None:
    sums = _total(
        course(
            point(
                0, wins=4, won_cpm_nanos=5, views=1, clicks=1, charged_nanos=5, bid_cpm_nanos=10, clearing_cpm_nanos=4
            ),
            point(
                1,
                wins=1,
                won_cpm_nanos=10,
                views=3,
                acquisitions=1,
                uncharged_nanos=2,
                bid_cpm_nanos=30,
                clearing_cpm_nanos=8,
            ),
            point(2, views=100, charged_nanos=7),
        )
    )
    assert sums == {
        "wins": 5,
        "views": 104,
        "clicks": 1,
        "acquisitions": 1,
        "charged_nanos": 12,
        "uncharged_nanos": 2,
        "bid_cpm_nanos": 25,
        "clearing_cpm_nanos": 7,
        "won_cpm_nanos": 6,
    }
    assert set(_total(course()).values()) == {0}


def campaign(**fields: Any) -> manager_pb.GetCampaignResponse:
    spec = manager_pb.CampaignSpec(text="Mugs", budget_nanos=10 * UNIT, start_time=at(START), end_time=at(START + 100))
    return manager_pb.GetCampaignResponse(campaign=manager_pb.Campaign(campaign_id="c&1", spec=spec, **fields))


def page_of(path: str, **answers: Any) -> str:
    found: list[str] = []

    async def work() -> None:
        stubs = {"campaigns": Stub(GetCampaign=campaign()), "reporting": Stub(**answers)}
        async with client_of(site_of(**stubs)[1]) as client:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            found.append(" ".join(answer.text.split()))

    run(work())
    return found[0]


def test_the_page_says_what_its_figures_count() -> None:
    shown = course(point(0, wins=4, won_cpm_nanos=20_000, views=2, bid_cpm_nanos=10, clearing_cpm_nanos=4))
    whole = page_of("/campaigns/c%261/live", GetCampaignSeries=shown)
    assert "at 0.020 CPM on average, as far as archived" in whole
    assert "no sample yet" in whole and "still being read" not in whole
    shown.wins_start_time.FromSeconds(START - 20)
    shown.complete = False
    share = pb.AuctionShare(sampled_ads=900, sampled_auctions=70, entered=9, won=4, sampled_per_million=10_000)
    share.start_time.FromSeconds(START - 1_220)
    shown.auctions.CopyFrom(share)
    part = page_of("/campaigns/c%261/live", GetCampaignSeries=shown)
    assert "9 Sep 2001, 01:46:40</time>; older ones are being counted" in part and "still being read" in part
    assert '5 <span class="soft">of 9</span>' in part
    assert "The sample: 70 auctions since <time" in part and "9 Sep 2001, 01:26:40" in part and "1.00% of all" in part


def test_of_days_of_which_only_sums_are_left_no_price_is_made_up() -> None:
    assert "only sums are left of these days" in page_of(
        "/campaigns/c%261/live", GetCampaignSeries=course(point(0, views=2))
    )
    assert "no views yet" in page_of("/campaigns/c%261/live", GetCampaignSeries=course(point(0, wins=2)))


def test_without_the_reporting_service_the_campaign_is_shown_all_the_same() -> None:
    page = page_of("/campaigns/c%261/live", GetCampaignSeries=Failed(grpc.StatusCode.UNAVAILABLE))
    assert "views, clicks and auctions are not shown" in page and "10.00" in page


@pytest.mark.parametrize(
    ("answer", "said", "unsaid"),
    [
        (pb.ListChargesResponse(), "Nothing yet", "the bill</a>"),
        (pb.ListChargesResponse(purged_seq=1_200), "up to no. 1,200 have left the ledger", "Nothing yet"),
        (pb.ListChargesResponse(charges=[charge(VIEW, 0, 0)], purged_seq=7), "/bill?campaign=c%261", "Nothing yet"),
        (
            pb.ListChargesResponse(charges=[charge(VIEW, 0, 0)], purged_seq=7, next_page_token="9"),
            "charges?from=9",
            "have left the ledger",
        ),
    ],
    ids=["none", "all purged", "the oldest page", "a newer page"],
)
def test_the_list_of_charges_says_where_the_older_ones_are(
    answer: pb.ListChargesResponse, said: str, unsaid: str
) -> None:
    page = page_of("/campaigns/c%261/charges", ListCharges=answer)
    assert said in page and unsaid not in page
