"""The overview: what is going on, followed live."""

from typing import Any, Final

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console import shown
from console.site import site_of

_REASONS: Final = {
    "won": "An ad was shown",
    "no_eligible_campaign": "No campaign matched the request",
    "no_live_campaign": "No campaign is live",
}
_STATES: Final = {
    pb.HEALTH_STATE_SERVING: ("Serving", "good"),
    pb.HEALTH_STATE_NOT_SERVING: ("Not serving", "warn"),
    pb.HEALTH_STATE_UNREACHABLE: ("Does not answer", "bad"),
}


async def overview(request: Request) -> Response:
    """GET /"""
    return await _shown(request, "overview.html")


async def overview_live(request: Request) -> Response:
    """GET /overview/live: the part that changes."""
    return await _shown(request, "overview_live.html")


async def traffic(request: Request) -> Response:
    """GET /overview/traffic.json: the last hour minute by minute, as rates per second, for the charts."""
    site = site_of(request)
    found = await site.call(request, site.mesh.reporting.GetOverview, pb.GetOverviewRequest())
    minutes = [minute for minute in found.minutes if minute.seconds > 0]
    return JSONResponse(
        {
            "times": [minute.start_time.seconds for minute in minutes],
            "ads": [round(minute.ads / minute.seconds, 2) for minute in minutes],
            "clicks": [minute.clicks for minute in minutes],
            "acquisitions": [minute.acquisitions for minute in minutes],
            "spend": [float(shown.plain(minute.charged_nanos)) for minute in minutes],
        }
    )


async def _shown(request: Request, template: str) -> Response:
    site = site_of(request)
    found = await site.call(request, site.mesh.reporting.GetOverview, pb.GetOverviewRequest())
    return site.page(request, template, active="overview", found=found, **figures(found))


def figures(found: pb.GetOverviewResponse) -> dict[str, Any]:
    """Returns what the page shows of the last minute: the minute that goes on, and as much of the one before."""
    recent = found.minutes[-2:]
    seconds = sum(minute.seconds for minute in recent)
    total = {
        name: sum(getattr(minute, name) for minute in recent)
        for name in ("ads", "views", "clicks", "acquisitions", "charged_nanos")
    }
    auctions = {outcome.outcome: outcome.auctions for outcome in found.auctions}
    held = sum(auctions.values())
    return {
        "seconds": seconds,
        "recent": total,
        "held": held,
        "fill": shown.rate(auctions.get("won", 0), held),
        "reasons": [
            (_REASONS.get(name, name.replace("_", " ")), number, shown.rate(number, held))
            for name, number in sorted(auctions.items(), key=lambda pair: -pair[1])
        ],
        "knows_auctions": bool(found.auctions),
        "processes": [(process.name, process.address, *_STATES[process.state]) for process in found.processes],
    }
