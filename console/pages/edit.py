"""A campaign's form: new, changed, stopped. Everything goes over the command topic."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import uuid1

from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1 import reporting_pb2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from uuid6 import uuid7

from console.calls import Away, Refused
from console.fields import NAMES, PARTNERS, CampaignFields, Reading, read_form
from console.site import Site, site_of
from console.wire import change_of, changed_names, shown_nanos, spec_of, targeting_to_proto, values_of

_USUAL: Final = timedelta(days=7)
_BLANK: Final = dict.fromkeys(NAMES, "") | {"gender": "All", "income_bucket": "All"}
_HIDDEN: Final = ("campaign_id", "command_id", "loaded", "spent")


async def new(request: Request) -> Response:
    """GET /campaigns/new"""
    site = site_of(request)
    viewer = site.viewer(request)
    now = site.now().astimezone(site.zone).replace(second=0, microsecond=0, tzinfo=None)
    start, end = (moment.isoformat(timespec="minutes") for moment in (now, now + _USUAL))
    values = _BLANK | {"start": start, "end": end, "account": viewer.account}
    ids = {"campaign_id": str(uuid1()), "command_id": str(uuid7())}
    return await _form(request, "new", values | ids, Reading())


async def create(request: Request) -> Response:
    """POST /campaigns: sends the command. The form's ids make a form that is sent twice a repeat."""
    site, values = site_of(request), request.scope["form"]
    reading = read_form(values, site.zone, site.now())
    if reading.campaign is None:
        return await _form(request, "new", values, reading, 422)
    message = pb.CreateCampaignRequest(
        campaign_id=values.get("campaign_id", ""),
        command_id=values.get("command_id", ""),
        campaign=spec_of(reading.campaign, site.viewer(request).account),
    )
    try:
        done = await site.call(request, site.mesh.campaigns.CreateCampaign, message)
    except (Refused, Away) as problem:
        return await _form(request, "new", values, *_unsent(problem))
    return RedirectResponse(f"/campaigns/{done.campaign_id}?command={done.command_id}", 303)


async def edit(request: Request) -> Response:
    """GET /campaigns/{campaign_id}/edit"""
    site = site_of(request)
    campaign = await _campaign(site, request)
    values = values_of(campaign, site.zone)
    hidden = {"loaded": json.dumps(values), "campaign_id": campaign.campaign_id, "command_id": str(uuid7())}
    return await _form(request, "edit", values | hidden, Reading())


async def update(request: Request) -> Response:
    """POST /campaigns/{campaign_id}/edit: sends what differs from what the form was loaded with, and nothing else.

    So two people who change different fields at the same time do not undo each other's change.
    """
    site, values = site_of(request), request.scope["form"]
    campaign_id = request.path_params["campaign_id"]
    values = values | {"campaign_id": campaign_id}
    reading = read_form(values, site.zone, site.now(), running=True)
    if reading.campaign is None:
        return await _form(request, "edit", values, reading, 422)
    change = change_of(reading.campaign, changed_names(values))
    if change is None:
        return RedirectResponse(f"/campaigns/{campaign_id}", 303)
    message = pb.UpdateCampaignRequest(campaign_id=campaign_id, change=change, command_id=values.get("command_id", ""))
    try:
        done = await site.call(request, site.mesh.campaigns.UpdateCampaign, message)
    except (Refused, Away) as problem:
        return await _form(request, "edit", values, *_unsent(problem))
    return RedirectResponse(f"/campaigns/{campaign_id}?command={done.command_id}", 303)


async def ask_stop(request: Request) -> Response:
    """GET /campaigns/{campaign_id}/stop: asks first."""
    site = site_of(request)
    campaign = await _campaign(site, request)
    return site.page(request, "stop.html", active="campaigns", campaign=campaign, command_id=str(uuid7()))


async def stop(request: Request) -> Response:
    """POST /campaigns/{campaign_id}/stop"""
    site, campaign_id = site_of(request), request.path_params["campaign_id"]
    message = pb.StopCampaignRequest(campaign_id=campaign_id, command_id=request.scope["form"].get("command_id", ""))
    done = await site.call(request, site.mesh.campaigns.StopCampaign, message)
    return RedirectResponse(f"/campaigns/{campaign_id}?command={done.command_id}", 303)


async def check(request: Request) -> Response:
    """POST /campaigns/check: the message of the field that was just changed, and the estimate of what is there."""
    site, values = site_of(request), request.scope["form"]
    running = "loaded" in values
    reading = read_form(values, site.zone, site.now(), running)
    changed = request.headers.get("x-changed", "")
    names = PARTNERS.get(changed, (changed,)) if changed in NAMES else ()
    estimate, trouble = None, ""
    if reading.campaign:
        try:
            estimate = await _estimate(request, reading.campaign, values)
        except (Away, Refused) as problem:
            trouble = problem.message or "The reporting service does not answer."
    return site.page(
        request,
        "form_checked.html",
        names=[name for name in names if values.get(name) or name == changed],
        errors=reading.errors,
        estimate=estimate,
        trouble=trouble,
    )


async def _form(
    request: Request, kind: str, values: Mapping[str, str], reading: Reading, status: int = 200
) -> Response:
    site = site_of(request)
    try:
        choices = await site.call(request, site.mesh.reporting.ListChoices, reporting_pb2.ListChoicesRequest())
    except Away:
        choices = reporting_pb2.ListChoicesResponse()  # what is suggested may be missing; what is typed is not
    return site.page(
        request,
        "form.html",
        status,
        active="campaigns",
        kind=kind,
        values=_BLANK | dict.fromkeys(_HIDDEN, "") | dict(values),
        errors=reading.errors,
        choices=choices,
        estimate=None,
        trouble="",
    )


async def _campaign(site: Site, request: Request) -> pb.Campaign:
    message = pb.GetCampaignRequest(campaign_id=request.path_params["campaign_id"])
    return (await site.call(request, site.mesh.campaigns.GetCampaign, message)).campaign  # type: ignore[no-any-return]


async def _estimate(request: Request, campaign: CampaignFields, values: Mapping[str, str]) -> Any:
    site = site_of(request)
    spent = shown_nanos(values.get("spent", ""))
    message = reporting_pb2.EstimateCampaignRequest(
        targeting=targeting_to_proto(campaign),
        cpc_nanos=campaign.cpc_nanos,
        cpa_nanos=campaign.cpa_nanos,
        leftover_nanos=max(0, campaign.budget_nanos - spent),
        campaign_id=values.get("campaign_id", "") if "loaded" in values else "",
    )
    message.start_time.FromDatetime(campaign.start)
    message.end_time.FromDatetime(campaign.end)
    return await site.call(request, site.mesh.reporting.EstimateCampaign, message)


def _unsent(problem: Refused | Away) -> tuple[Reading, int]:
    """Returns what the form says of a command that was not taken, and its HTTP status: what was typed stays.

    A refusal stands beside the field that it names. A command that may have arrived all the same is sent again safely,
    because the form keeps its id.
    """
    if isinstance(problem, Away):
        return Reading(
            {"form": f"The {problem.service} does not answer. Everything is still here; send it again."}
        ), 503
    name = problem.field.rpartition(".")[2].removesuffix("_nanos").removesuffix("_time")
    return Reading({name if name in NAMES else "form": problem.message}), 422
