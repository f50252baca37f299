"""What stands before every page: its cookie, forms that must bring their token back, and headers for the browser."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.sessions import COOKIE, Sessions

MAX_FORM_BYTES: Final = 64 * 1024
TOKEN_FIELD: Final = "form_token"
TOKEN_HEADER: Final = "x-form-token"
_CHANGING: Final = ("POST", "PUT", "PATCH", "DELETE")
_COOKIE_CHARACTERS: Final = 64
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware. `is_open` tells which paths are for other sites too: the gateway and its script."""

    def __init__(self, app: ASGIApp, sessions: Sessions, secure: bool, is_open: Callable[[str], bool]) -> None:
        """`secure` says that browsers come by TLS, so that the cookie never goes in clear."""
        self._app = app
        self._sessions = sessions
        self._secure = secure
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        if self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.cookies.get(COOKIE, "")
        cookie = given if 0 < len(given) <= _COOKIE_CHARACTERS else self._sessions.new_cookie()
        scope["cookie"] = cookie
        send = _for_one_person(send, cookie_header(cookie, self._secure) if cookie != given else None)
        if scope["method"] in _CHANGING:
            body = await _body(request)
            if body is None:
                await PlainTextResponse("This form is too long.", 413)(scope, receive, send)
                return
            scope["form"] = form_of(body)
            if not self._brings_token(request.headers, scope["form"], given):
                text = "This form is out of date or comes from another site. Go back, reload the page, and try again."
                await PlainTextResponse(text, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _brings_token(self, headers: Headers, form: dict[str, str], cookie: str) -> bool:
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        token = headers.get(TOKEN_HEADER) or form.get(TOKEN_FIELD, "")
        return bool(cookie) and self._sessions.is_form_token(cookie, token)


def cookie_header(cookie: str, secure: bool) -> str:
    """Returns the header that gives a browser its cookie: for this site only, and for no script."""
    return f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")


def form_of(body: bytes) -> dict[str, str]:
    """Reads a form as browsers send it; of a field that comes twice the last one counts."""
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
    return {name: values[-1] for name, values in found.items()}


async def _body(request: Request) -> bytes | None:
    """Reads a body; None for one that is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return None
    return bytes(body)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _for_one_person(send: Send, cookie: str | None) -> Send:
    """Keeps answers out of every cache, and gives a browser its cookie."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("cache-control", "no-store")
            if cookie and "set-cookie" not in headers:  # signing in gives another one
                headers.append("set-cookie", cookie)
        await send(message)

    return sending
