"""The web application: which address is which page, and what stands before them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from console.calls import Away, Refused
from console.gateway import Gateway
from console.guard import Guard
from console.pages import bill, campaign, campaigns, commands, demo, edit, overview, reports, signin
from console.site import SignInNeeded, Site, is_part, show_problem, site_of

STATIC: Final = Path(__file__).with_name("static")
SCRIPT: Final = "/ads.js"
_HOUR: Final = "public, max-age=3600"
_OPEN: Final = ("/v1/", SCRIPT, "/static/")
_ONE: Final = "/campaigns/{campaign_id}"


def make_app(site: Site | None, gateway: Gateway | None, secure: bool) -> Starlette:
    """Makes the application: the console, the gateway, or both."""
    routes: list[BaseRoute] = [Mount("/static", _Static(directory=STATIC))]
    if gateway:
        routes += _gateway_routes(gateway)
    middleware: Sequence[Middleware] = ()
    if site:
        routes += _console_routes()
        is_open = lambda path: path.startswith(_OPEN)  # noqa: E731  # a line
        middleware = [Middleware(Guard, sessions=site.sessions, secure=secure, is_open=is_open)]
    handlers: dict[Any, Any] = dict.fromkeys((Away, Refused, SignInNeeded), show_problem) | {
        404: _not_found,
        500: _broken,
    }
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
    app.state.site = site
    return app


def _console_routes() -> list[BaseRoute]:
    get, post = ["GET"], ["POST"]
    return [
        Route("/", overview.overview, methods=get),
        Route("/overview/live", overview.overview_live, methods=get),
        Route("/overview/traffic.json", overview.traffic, methods=get),
        Route("/campaigns", campaigns.campaigns, methods=get),
        Route("/campaigns", edit.create, methods=post),
        Route("/campaigns/new", edit.new, methods=get),
        Route("/campaigns/check", edit.check, methods=post),
        Route(_ONE, campaign.campaign, methods=get),
        Route(f"{_ONE}/live", campaign.campaign_live, methods=get),
        Route(f"{_ONE}/series.json", campaign.series, methods=get),
        Route(f"{_ONE}/charges", campaign.charges, methods=get),
        Route(f"{_ONE}/commands", campaign.history, methods=get),
        Route(f"{_ONE}/edit", edit.edit, methods=get),
        Route(f"{_ONE}/edit", edit.update, methods=post),
        Route(f"{_ONE}/stop", edit.ask_stop, methods=get),
        Route(f"{_ONE}/stop", edit.stop, methods=post),
        Route("/commands/{command_id}", commands.command, methods=get),
        Route("/bill", bill.bill, methods=get),
        Route("/bill/table", bill.bill_table, methods=get),
        Route("/bill/ledger", bill.bill_ledger, methods=get),
        Route("/bill/reconciliation", bill.reconciliation, methods=get),
        Route("/bill.csv", bill.bill_csv, methods=get),
        Route("/bill.pdf", bill.bill_pdf, methods=get),
        Route("/reports", reports.reports, methods=get),
        Route("/reports/all", reports.all_reports, methods=get),
        Route("/signin", signin.ask, methods=get),
        Route("/signin", signin.sign_in, methods=post),
        Route("/signout", signin.sign_out, methods=post),
        Route("/demo", demo.demo, methods=get),
        Route("/demo/user.json", demo.draw_user, methods=get),
    ]


def _gateway_routes(gateway: Gateway) -> list[BaseRoute]:
    routes: list[BaseRoute] = [Route(SCRIPT, _script, methods=["GET"])]
    for path, answer in (("/v1/ads", gateway.ads), ("/v1/feedback", gateway.feedback)):
        routes += [Route(path, answer, methods=["POST"]), Route(path, gateway.preflight, methods=["OPTIONS"])]
    return routes


async def _script(request: Request) -> Response:
    """GET /ads.js: what apps embed; any site may load it."""
    headers = {"cache-control": _HOUR, "cross-origin-resource-policy": "cross-origin"}
    return FileResponse(STATIC / "ads.js", media_type="text/javascript", headers=headers)


async def _not_found(request: Request, problem: HTTPException) -> Response:
    if site_of(request) is None or "cookie" not in request.scope:
        return Response(status_code=404)
    return await show_problem(request, Refused("NOT_FOUND", f"there is no page {request.url.path}"))


async def _broken(request: Request, problem: Exception) -> Response:
    """Says that something went wrong, and nothing of what; that is in the log."""
    if site_of(request) is None or "cookie" not in request.scope:
        return Response(status_code=500)
    return site_of(request).page(
        request,
        "problem_part.html" if is_part(request) else "problem.html",
        500,
        title="Something went wrong here",
        text="It is in the console's log. Nothing was changed by it.",
        again="",
        active=None,
    )


class _Static(StaticFiles):
    """Files that ship with the console; browsers ask whether they have changed."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers.setdefault("cache-control", "no-cache")
        return response
