"""One campaign: how it goes, what it was charged and why, and what was done to it."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1 import reporting_pb2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console import shown
from console.calls import Away, Refused
from console.site import site_of
from console.status import COMMANDS, status_of

_POINTS: Final = 160
_CHARGES: Final = 25
_CPM: Final = 1_000  # prices are shown for a thousand impressions, as the trade does
_NANOS: Final = 1e9


async def campaign(request: Request) -> Response:
    """GET /campaigns/{campaign_id}"""
    site = site_of(request)
    command_id = request.query_params.get("command", "")[:64]
    try:
        found = await _read(request)
    except Refused as refused:
        if refused.code != "NOT_FOUND" or not command_id:
            raise
        return site.page(  # it was just made: its command is on the way
            request,
            "campaign_coming.html",
            active="campaigns",
            campaign_id=request.path_params["campaign_id"],
            command_id=command_id,
        )
    context = await _context(request, found)
    return site.page(request, "campaign.html", active="campaigns", command_id=command_id, **context)


async def campaign_live(request: Request) -> Response:
    """GET /campaigns/{campaign_id}/live: the figures, which change."""
    site = site_of(request)
    return site.page(request, "campaign_live.html", **await _context(request, await _read(request)))


async def series(request: Request) -> Response:
    """GET /campaigns/{campaign_id}/series.json: spend against the even line, bids against prices."""
    found = await _read(request)
    course = await _series(request)
    start, end = found.spec.start_time.seconds, found.spec.end_time.seconds
    now = int(site_of(request).now().timestamp())
    times, spent, bids, prices = _lines(course, start, now)
    return JSONResponse(
        {
            "times": times,
            "spent": spent,
            "even": [_even(at, start, end, found.spec.budget_nanos) for at in times],
            "bid": bids,
            "price": prices,
            "complete": course.complete,
        }
    )


async def charges(request: Request) -> Response:
    """GET /campaigns/{campaign_id}/charges: a page of the ledger."""
    site = site_of(request)
    message = reporting_pb2.ListChargesRequest(
        campaign_id=request.path_params["campaign_id"],
        page_size=_CHARGES,
        page_token=request.query_params.get("from", "")[:20],
    )
    found = await site.call(request, site.mesh.reporting.ListCharges, message)
    campaign_id = request.path_params["campaign_id"]
    return site.page(request, "charges.html", found=found, campaign_id=campaign_id, why=why)


async def history(request: Request) -> Response:
    """GET /campaigns/{campaign_id}/commands: what was done to it."""
    site = site_of(request)
    message = reporting_pb2.ListCommandsRequest(campaign_id=request.path_params["campaign_id"])
    found = await site.call(request, site.mesh.reporting.ListCommands, message)
    return site.page(request, "history.html", found=found, words=COMMANDS)


def why(charge: reporting_pb2.Charge) -> str:
    """Says in a sentence why a charge is what it is."""
    if charge.action == 1:
        return "A view costs nothing."
    what = "click" if charge.action == 2 else "acquisition"
    said = f"The auction priced this {what} at {shown.amount(charge.price_nanos)}"
    if charge.clearing_cpm_nanos == charge.bid_cpm_nanos:
        said += ", its own bid"
    else:
        share = charge.clearing_cpm_nanos / charge.bid_cpm_nanos if charge.bid_cpm_nanos else 1
        said += f", {share:.1%} of its own bid: what the next bidder offered"
    before = charge.price_nanos - charge.charged_nanos - charge.uncharged_nanos
    if before > 0:
        said += f"; {shown.amount(before)} of it had been charged for the same ad before"
    if charge.uncharged_nanos:
        said += f"; {shown.amount(charge.uncharged_nanos)} was beyond the budget and is not charged"
    return said + "."


async def _read(request: Request) -> pb.Campaign:
    site = site_of(request)
    message = pb.GetCampaignRequest(campaign_id=request.path_params["campaign_id"])
    found: pb.GetCampaignResponse = await site.call(request, site.mesh.campaigns.GetCampaign, message)
    return found.campaign


async def _series(request: Request) -> reporting_pb2.GetCampaignSeriesResponse:
    site = site_of(request)
    message = reporting_pb2.GetCampaignSeriesRequest(campaign_id=request.path_params["campaign_id"], max_points=_POINTS)
    found: reporting_pb2.GetCampaignSeriesResponse = await site.call(
        request, site.mesh.reporting.GetCampaignSeries, message
    )
    return found


async def _context(request: Request, found: pb.Campaign) -> dict[str, Any]:
    """Returns what the figures are made of; without the reporting service, what the campaign itself says."""
    site = site_of(request)
    trouble = ""
    try:
        course = await asyncio.wait_for(_series(request), 4.0)
    except (Away, TimeoutError):
        course, trouble = None, "The reporting service does not answer: views, clicks and auctions are not shown."
    now = site.now()
    start, end = found.spec.start_time.seconds, found.spec.end_time.seconds
    return {
        "campaign": found,
        "status": status_of(found, now),
        "course": course,
        "total": _total(course) if course else None,
        "trouble": trouble,
        "even_nanos": int(_even(now.timestamp(), start, end, found.spec.budget_nanos) * _NANOS),
        "stopped": found.status == pb.CAMPAIGN_STATUS_STOPPED,
        "elapsed": min(1.0, max(0.0, (now.timestamp() - start) / (end - start))) if end > start else 1.0,
        "started": datetime.fromtimestamp(start, UTC) <= now,
    }


def _lines(
    course: reporting_pb2.GetCampaignSeriesResponse, start: int, now: int
) -> tuple[list[int], list[float], list[float | None], list[float | None]]:
    """Returns what is drawn: the end of each step, spent so far, mean bid and price; from the start until now."""
    first = min([start, now, *(point.start_time.seconds for point in course.points[:1])])
    so_far = course.charged_before_nanos
    times, spent = [first], [so_far / _NANOS]
    bids: list[float | None] = [None]
    prices: list[float | None] = [None]
    for point in course.points:
        so_far += point.charged_nanos
        times.append(min(now, point.start_time.seconds + course.step_seconds))
        spent.append(so_far / _NANOS)
        bids.append(point.bid_cpm_nanos * _CPM / _NANOS if point.bid_cpm_nanos else None)
        prices.append(point.clearing_cpm_nanos * _CPM / _NANOS if point.bid_cpm_nanos else None)
    return [*times, now], [*spent, so_far / _NANOS], [*bids, None], [*prices, None]


def _total(course: reporting_pb2.GetCampaignSeriesResponse) -> dict[str, int]:
    """Returns the sums of all steps; prices are means over the views or wins of steps whose prices are known."""
    names = ("wins", "views", "clicks", "acquisitions", "charged_nanos", "uncharged_nanos")
    total = {name: sum(getattr(point, name) for point in course.points) for name in names}
    for name, of in (("bid_cpm_nanos", "views"), ("clearing_cpm_nanos", "views"), ("won_cpm_nanos", "wins")):
        priced = [(getattr(point, name), getattr(point, of)) for point in course.points if getattr(point, name)]
        count = sum(weight for _, weight in priced)
        total[name] = sum(price * weight for price, weight in priced) // count if count else 0
    return total


def _even(at: float, start: float, end: float, budget_nanos: int) -> float:
    """Returns what would be spent at an instant if it were spent evenly, in units of the currency; for a line only."""
    share = (at - start) / (end - start) if end > start else 1.0
    return min(1.0, max(0.0, share)) * budget_nanos / _NANOS
