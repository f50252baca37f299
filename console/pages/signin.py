"""Signing in with an API token, and out again."""

from typing import Final

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.calls import Away, Refused, call
from console.guard import cookie_header
from console.sessions import COOKIE, Identity
from console.site import site_of

_MAX_TOKEN: Final = 512


async def ask(request: Request) -> Response:
    """GET /signin"""
    site = site_of(request)
    if not site.asks:
        return RedirectResponse("/", 303)
    return site.page(request, "signin.html", active=None, error="")


async def sign_in(request: Request) -> Response:
    """POST /signin: the token is tried on the mesh itself, whose permissions count."""
    site = site_of(request)
    token = request.scope["form"].get("token", "").strip()
    error = ""
    if not token or len(token) > _MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        error = "This is not an API token."
    else:
        try:
            found = await call(site.mesh.reporting.GetCaller, pb.GetCallerRequest(), token)
        except Refused as refused:
            error = _error(refused)
        except Away as away:
            error = f"The {away.service} does not answer; try again."
    if error:
        return site.page(request, "signin.html", 401, active=None, error=error)
    cookie = site.sessions.open(Identity(found.name, found.role, found.account, token))
    response = RedirectResponse("/", 303)
    response.headers["set-cookie"] = cookie_header(cookie, request.url.scheme == "https")
    return response


async def sign_out(request: Request) -> Response:
    """POST /signout"""
    site = site_of(request)
    site.sessions.close(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/signin" if site.asks else "/", 303)
    response.headers["set-cookie"] = cookie_header(site.sessions.new_cookie(), request.url.scheme == "https")
    return response


def _error(refused: Refused) -> str:
    if refused.code == "PERMISSION_DENIED":
        return "This token is an app's. Campaigns are for managers and operators."
    if refused.code == "UNAUTHENTICATED":
        return "This token does not count: it is unknown, has expired or was revoked."
    return "That did not work; try again."
