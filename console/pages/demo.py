"""The page that shows ads, as an app's page would: with the script that apps embed."""

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console.calls import Away, Refused
from console.site import site_of


async def demo(request: Request) -> Response:
    """GET /demo"""
    site = site_of(request)
    try:
        choices = await site.call(request, site.mesh.reporting.ListChoices, pb.ListChoicesRequest())
    except Away:
        choices = pb.ListChoicesResponse()
    return site.page(request, "demo.html", active="demo", choices=choices, origin=str(request.base_url).rstrip("/"))


async def draw_user(request: Request) -> Response:
    """GET /demo/user.json: a known user, drawn at random."""
    site = site_of(request)
    try:
        found = await site.call(request, site.mesh.reporting.DrawUsers, pb.DrawUsersRequest(count=1))
    except Away as away:
        return JSONResponse({"problem": f"The {away.service} does not answer."}, 503)
    except Refused as refused:
        if refused.code != "PERMISSION_DENIED":
            raise
        return JSONResponse({"problem": "Known users are drawn for operators only; type a user's id."}, 403)
    if not found.users:
        return JSONResponse({"problem": "No users are known here yet."}, 404)
    user = found.users[0]
    return JSONResponse(
        {
            "user_id": user.user_id,
            "age": user.age,
            "gender": user.gender,
            "income": user.income_bucket,
            "device": user.device_type,
        }
    )
