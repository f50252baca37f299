"""The overview's figures: of the last minute, of auctions, of campaigns that need a look, of processes."""

import asyncio
from typing import Any

import httpx
from adplatform.v1 import campaign_manager_pb2 as manager_pb
from adplatform.v1 import reporting_pb2 as pb
from fake_mesh import Stub, client_of, site_of
from google.protobuf.timestamp_pb2 import Timestamp

from console.pages.overview import figures

NOW_S = 1_800_000_000


def minute(age: int, seconds: int = 60, **counts: int) -> pb.TrafficMinute:
    return pb.TrafficMinute(start_time=Timestamp(seconds=NOW_S - 60 * age), seconds=seconds, **counts)  # type: ignore[arg-type]


def campaign(campaign_id: str, text: str) -> manager_pb.Campaign:
    spec = manager_pb.CampaignSpec(text=text, budget_nanos=10**10, end_time=Timestamp(seconds=NOW_S))
    return manager_pb.Campaign(campaign_id=campaign_id, spec=spec, leftover_nanos=7 * 10**8)


def busy() -> pb.GetOverviewResponse:
    return pb.GetOverviewResponse(
        currency="USD",
        minutes=[
            minute(3, ads=900_000, clicks=900_000),
            minute(2, seconds=0),
            minute(1, seconds=40, ads=6_000, views=4_000, clicks=150, acquisitions=10, charged_nanos=2_500_000_000),
            minute(0, seconds=20, ads=3_000, views=1_000, clicks=50, acquisitions=0, charged_nanos=500_000_000),
        ],
        auctions=[
            pb.AuctionOutcome(outcome="no_live_campaign", auctions=0),
            pb.AuctionOutcome(outcome="no_eligible_campaign", auctions=3_000),
            pb.AuctionOutcome(outcome="won", auctions=9_000),
            pb.AuctionOutcome(outcome="new_reason", auctions=1),
        ],
        campaigns=pb.CampaignCounts(total=20, live=7, scheduled=3, ended=2, exhausted=1, stopped=6),
        spent_nanos=1_234 * 10**9,
        live_leftover_nanos=77 * 10**9,
        ending=[campaign("ends-1", "Ends soon")],
        nearly_spent=[campaign("nearly-1", "Nearly out")],
        processes=[
            pb.ProcessHealth(name="adserver", address="h:1", state=pb.HEALTH_STATE_SERVING),
            pb.ProcessHealth(name="ad-manager", address="h:2", state=pb.HEALTH_STATE_UNREACHABLE),
            pb.ProcessHealth(name="feedback-writer", address="h:3", state=pb.HEALTH_STATE_NOT_SERVING),
        ],
    )


def test_figures_are_of_the_last_two_minutes_as_far_as_counted() -> None:
    found = figures(busy())
    assert found["seconds"] == 60 and found["recent"]["ads"] == 9_000 and found["recent"]["views"] == 5_000
    assert (found["recent"]["clicks"], found["recent"]["charged_nanos"]) == (200, 3 * 10**9)
    assert (found["held"], found["fill"], found["knows_auctions"]) == (12_001, "74.99%", True)
    assert [reason for reason, _, _ in found["reasons"]] == [
        "An ad was shown",
        "No campaign matched the request",
        "new reason",
        "No campaign is live",
    ]
    assert found["processes"][1] == ("ad-manager", "h:2", "Does not answer", "bad")
    nothing = figures(pb.GetOverviewResponse())
    assert (nothing["fill"], nothing["knows_auctions"], nothing["seconds"], nothing["reasons"]) == ("–", False, 0, [])


def read(path: str, found: pb.GetOverviewResponse) -> httpx.Response:
    async def work() -> Any:
        async with client_of(site_of(reporting=Stub(GetOverview=found))[1]) as client:
            return await client.get(path)

    return asyncio.run(asyncio.wait_for(work(), 20))  # type: ignore[no-any-return]


def test_the_page_says_them() -> None:
    page = " ".join(read("/", busy()).text.split())
    for said in (
        "<dt>Ads a second</dt><dd>150</dd>",
        '<dt>Fill rate</dt><dd>74.99%</dd><dd class="word">12,001 auctions in a minute</dd>',
        '<dt>Clicks</dt><dd>200</dd><dd class="word">4.00% of 5,000 views</dd>',
        '<dt>Acquisitions</dt><dd>10</dd><dd class="word">5.00% of clicks</dd>',
        '>3.00</span></dd><dd class="word">USD in 60 s</dd>',
        ">1,234.00</span>",
        "77.00 left to live ones",
        'href="/campaigns?phase=live">7</a></dd><dd class="word">of 20</dd>',
        "<dt>Ended or stopped</dt><dd>8</dd>",
        '<span>No campaign matched the request</span><span class="number">3,000 <span class="soft">25.00%</span>',
        '<a id="ending-ends-1" href="/campaigns/ends-1" class="cut">Ends soon</a>',
        '<a id="nearly-nearly-1" href="/campaigns/nearly-1" class="cut">Nearly out</a>'
        '<span class="soft">0.70 left</span>',
        'ad-manager <span class="soft code">h:2</span></span><span class="badge bad">Does not answer</span>',
        'feedback-writer <span class="soft code">h:3</span></span><span class="badge warn">Not serving</span>',
    ):
        assert said in page, said


def test_the_charts_get_the_minutes_that_were_counted() -> None:
    found = read("/overview/traffic.json", busy()).json()
    assert found["times"] == [NOW_S - 180, NOW_S - 60, NOW_S]
    assert (found["ads"], found["clicks"], found["spend"]) == (
        [15_000.0, 150.0, 150.0],
        [900_000, 150, 50],
        [0, 2.5, 0.5],
    )
