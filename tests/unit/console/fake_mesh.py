"""The services as the console's unit tests need them: methods that answer what a test says, and remember what came."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import grpc
import grpc.aio
import httpx
from starlette.applications import Starlette

from console.app import make_app
from console.calls import Mesh
from console.gateway import Gateway
from console.sessions import Sessions
from console.site import Site

SITE = "http://console.example"


class Failed(grpc.aio.AioRpcError):
    """A call that ended with a code."""

    def __init__(self, code: grpc.StatusCode, details: str = "") -> None:
        super().__init__(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)


class Stub:
    """A service: `answers` by method, each a message, a function of the request, or an error."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, Any, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def method(request: Any, metadata: Any = None, **_: Any) -> Any:
            self.calls.append((name, request, metadata))
            answer = self.answers.get(name, Failed(grpc.StatusCode.UNAVAILABLE))
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer

        return method


def site_of(asks: bool = False, origins: tuple[str, ...] = (), **stubs: Stub) -> tuple[Site, Starlette]:
    """Returns a console over stubs named ads, feedback, campaigns and reporting."""
    names = ("ads", "feedback", "campaigns", "reporting")
    mesh: Any = Mesh(*(stubs.get(name, Stub()) for name in names), channels=())
    site = Site(mesh, Sessions(3_600), UTC, "USD", asks)
    return site, make_app(site, Gateway(mesh, frozenset(origins)), secure=False)


def client_of(app: Starlette) -> httpx.AsyncClient:
    """Returns a browser without scripts; it keeps its cookies."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=SITE)
