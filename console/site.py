"""What every page needs: the services, who looks, the templates, and what is said where something is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console import shown
from console.calls import CALL_S, Away, Mesh, Refused, call
from console.sessions import ANYBODY, COOKIE, Identity, Sessions
from marketplace.money import format_nanos

NAVIGATION: Final = (
    ("overview", "/", "Overview", False),
    ("campaigns", "/campaigns", "Campaigns", False),
    ("bill", "/bill", "Bill", False),
    ("reports", "/reports", "Reports", True),
    ("demo", "/demo", "Demo", True),
)
"""Key, address, name, and whether it is for operators only."""

AGAIN: Final = "x-again"
"""The header of a request for a part that was not there before."""
_PASSING: Final = (429, 503)


class SignInNeeded(Exception):
    """Nobody is signed in, or the token counts no more."""


@dataclass(frozen=True, slots=True)
class Site:
    """One console. `asks` says whether people must sign in."""

    mesh: Mesh
    sessions: Sessions
    zone: tzinfo
    currency: str
    asks: bool
    now: Callable[[], datetime] = lambda: datetime.now(UTC)  # a default, replaced by tests
    templates: Environment = field(default_factory=lambda: make_templates())

    def viewer(self, request: Request) -> Identity:
        """Returns who looks. Raises SignInNeeded."""
        if not self.asks:
            return ANYBODY
        identity = self.sessions.find(request.cookies.get(COOKIE, ""))
        if identity is None:
            raise SignInNeeded
        return identity

    async def call(self, request: Request, method: Any, message: Any, timeout_s: float = CALL_S) -> Any:
        """Calls a service as the one who looks. Raises Refused, Away or SignInNeeded."""
        token = self.viewer(request).token
        if self.asks and not token:
            raise SignInNeeded  # without one the call would be made as the console itself
        try:
            return await call(method, message, token, timeout_s)
        except Refused as refused:
            if refused.code == "UNAUTHENTICATED" and self.asks:
                self.sessions.close(request.cookies.get(COOKIE, ""))
                raise SignInNeeded from None
            raise

    def page(self, request: Request, template: str, code: int = 200, **context: Any) -> HTMLResponse:
        """Renders a template, whole or a part of a page."""
        return HTMLResponse(self.render(request, template, **context), code)

    def render(self, request: Request, template: str, **context: Any) -> str:
        """Renders a template to text."""
        cookie = request.scope["cookie"]
        identity = self.sessions.find(cookie) if self.asks else ANYBODY
        return self.templates.get_template(template).render(
            viewer=identity,
            asks=self.asks,
            form_token=self.sessions.form_token(cookie),
            currency=self.currency,
            zone=self.zone,
            now=self.now(),
            path=request.url.path,
            navigation=[
                (key, address, name) for key, address, name, guarded in NAVIGATION if may_see(identity, guarded)
            ],
            instant=lambda stamp: shown.instant(stamp, self.zone),
            short=lambda stamp: shown.short_instant(stamp, self.zone, self.now()),
            until=lambda stamp: shown.until(stamp, self.now()),
            **context,
        )


def may_see(identity: Identity | None, guarded: bool) -> bool:
    """Tells whether a page is in someone's navigation."""
    return identity is not None and (identity.is_operator or not guarded)


def site_of(request: Request) -> Site:
    """Returns the site that a request is for."""
    site: Site = request.app.state.site
    return site


def is_part(request: Request) -> bool:
    """Tells whether htmx asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


async def show_problem(request: Request, problem: Exception) -> Response:
    """Says what is the matter, as a page or in the place of the part that was asked for."""
    site = site_of(request)
    match problem:
        case SignInNeeded():
            if is_part(request):
                return Response(status_code=204, headers={"HX-Redirect": "/signin"})
            return RedirectResponse("/signin", 303)
        case Away():
            said = f" It says: {problem.message}." if problem.message else ""
            title, text, status = f"The {problem.service} does not answer", f"{said} Nothing is lost; try again.", 503
        case Refused(code="NOT_FOUND"):
            title, text, status = "Not found", _sentence(problem.message), 404
        case Refused(code="PERMISSION_DENIED"):
            title, text, status = "Not for this account", "Your API token does not allow this.", 403
        case Refused(code="RESOURCE_EXHAUSTED"):
            title, text, status = "Too much at once", "Wait a moment, and try again.", 429
        case Refused():
            place = f"{problem.field}: " if problem.field else ""
            title, text, status = "That did not work", _sentence(place + problem.message), 400
        case _:
            raise problem
    again = address_to_ask_again(request) if status in _PASSING else ""
    template = "problem_part.html" if is_part(request) else "problem.html"
    response = site.page(request, template, status, title=title, text=text.strip(), active=None, again=again)
    if is_part(request):
        response.status_code = 200  # htmx leaves out what is no success
        response.headers["X-Problem"] = str(status)
        if again and AGAIN in request.headers:
            response.headers["HX-Reswap"] = "none"  # it is said already; screen readers would say it each time
    return response


def address_to_ask_again(request: Request) -> str:
    """Returns the address of a part that may be there the next time; empty where asking would change something."""
    if not is_part(request) or request.method != "GET":
        return ""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def make_templates() -> Environment:
    """Opens the templates: everything is escaped, and nothing missing passes unseen."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., Any]] = {
        "amount": shown.amount,
        "rounded": shown.rounded,
        "count": shown.count,
        "iso": shown.iso,
        "plain": shown.plain,
        "targeting": shown.targeting,
        "money_with": format_nanos,
    }
    environment.filters.update(filters)
    environment.globals.update(rate=shown.rate, per_second=shown.per_second, span=shown.span)
    return environment
