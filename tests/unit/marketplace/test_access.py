"""The guard: by token, by certificate, or not at all; refusals come first, and always in the same words."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context
from typing import Any

import grpc
import pytest
from test_token_directory import APP, MANAGER, Tokens, stored

from marketplace.errors import PermissionDenied, PlatformError, RateLimited, Unauthenticated
from marketplace.permissions import Role
from marketplace.runtime.access import AccessControl
from marketplace.runtime.callers import account_of_caller, count_request
from marketplace.runtime.rpc_errors import status_of
from marketplace.runtime.token_directory import TokenDirectory

SERVE = "/adplatform.v1.AdServer/ServeAd"
LIST = "/adplatform.v1.CampaignManager/ListCampaigns"
BOOKS = "/adplatform.v1.Reporting/GetReconciliation"
ALL = {SERVE, LIST, BOOKS}


class Context:
    """A connection as a servicer sees it, by whose certificate it was made."""

    def __init__(self, spiffe_id: str | None = None) -> None:
        self._proved = {"peer_spiffe_id": [spiffe_id.encode()]} if spiffe_id else {"transport_security_type": [b"ssl"]}

    def auth_context(self) -> dict[str, list[bytes]]:
        return self._proved

    async def abort_with_status(self, status: Any) -> None:
        raise ConnectionAbortedError(status.code)


def guard(rate: int = 0, tokens: bool = True) -> AccessControl:
    directory = TokenDirectory(Tokens(stored(APP, Role.APP), stored(MANAGER, Role.MANAGER, "acme")), lambda: 0, rate)
    return AccessControl(directory if tokens else None, rate)


def call(access: AccessControl, method: str, *authorizations: str, spiffe_id: str | None = None) -> str | None:
    """Makes a call as gRPC does, in a context of its own; returns the account that it is limited to."""

    async def handle(request: object, context: object) -> str | None:
        return account_of_caller()

    guarded = access.guarded(method, grpc.unary_unary_rpc_method_handler(handle))

    def run() -> str | None:
        access.note([("user-agent", "x"), *(("authorization", value) for value in authorizations)])
        found: str | None = asyncio.run(guarded.unary_unary(None, Context(spiffe_id)))
        return found

    return copy_context().run(run)


def test_a_token_lets_in_whom_the_table_allows() -> None:
    assert call(guard(), SERVE, f"Bearer {APP}") is None
    assert call(guard(), LIST, f"Bearer {MANAGER}") == "acme"
    for method, token in ((LIST, APP), (SERVE, MANAGER), (BOOKS, APP), (BOOKS, MANAGER)):
        with pytest.raises(PermissionDenied):
            call(guard(), method, f"Bearer {token}")


@pytest.mark.parametrize("authorizations", [(), ("Bearer x",), (f"Bearer {APP}", f"Bearer {APP}"), ("",)])
def test_without_a_valid_token_nobody(authorizations: tuple[str, ...]) -> None:
    with pytest.raises(Unauthenticated):
        call(guard(), SERVE, *authorizations)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("simulator", {SERVE}),
        ("operator", ALL),
        ("console", {SERVE, LIST, BOOKS}),
        ("adserver", set()),
    ],
)
def test_a_certificate_lets_in_the_service_that_it_names(name: str, allowed: set[str]) -> None:
    for method in (SERVE, LIST, BOOKS):
        if method in allowed:
            assert call(guard(), method, spiffe_id=f"spiffe://adplatform/{name}") is None
        else:
            with pytest.raises(PermissionDenied):
                call(guard(), method, spiffe_id=f"spiffe://adplatform/{name}")


@pytest.mark.parametrize("spiffe_id", ["spiffe://elsewhere/operator", "spiffe://adplatform/", "operator/x"])
def test_a_name_that_is_none_of_ours_has_no_role(spiffe_id: str) -> None:
    with pytest.raises(PermissionDenied):
        call(guard(), SERVE, spiffe_id=spiffe_id)


def test_a_bad_token_is_not_made_good_by_a_certificate() -> None:
    with pytest.raises(Unauthenticated):
        call(guard(), SERVE, "Bearer x", spiffe_id="spiffe://adplatform/operator")


def test_a_process_without_a_store_knows_no_token() -> None:
    with pytest.raises(Unauthenticated):
        call(guard(tokens=False), SERVE, f"Bearer {APP}")
    assert call(guard(tokens=False), SERVE, spiffe_id="spiffe://adplatform/simulator") is None


def test_beyond_the_rate_it_is_refused_at_once_and_told_when() -> None:
    access = guard(rate=3)
    for _ in range(3):
        call(access, SERVE, f"Bearer {APP}")
    with pytest.raises(RateLimited) as problem:
        call(access, SERVE, f"Bearer {APP}")
    assert 0 < problem.value.retry_after_s <= 1 / 3
    call(access, LIST, f"Bearer {MANAGER}")  # another caller has another bucket
    for _ in range(3):
        call(access, SERVE, spiffe_id="spiffe://adplatform/simulator")
    with pytest.raises(RateLimited):
        call(access, SERVE, spiffe_id="spiffe://adplatform/simulator")


def test_messages_on_a_stream_count_like_calls() -> None:
    access = guard(rate=3)

    seen: list[int] = []

    async def handle(requests: object, context: object) -> None:
        for number in range(10):
            count_request()
            seen.append(number)

    guarded = access.guarded("/adplatform.v1.AdServer/StreamAds", grpc.stream_stream_rpc_method_handler(handle))

    async def converse() -> None:
        access.note([("authorization", f"Bearer {APP}")])
        with pytest.raises(RateLimited):
            await guarded.stream_stream(None, Context())

    copy_context().run(lambda: asyncio.run(converse()))
    assert seen == [0, 1]  # the stream itself was one


def test_a_method_that_is_not_in_the_table_is_refused_whatever_its_kind() -> None:
    async def unary(request: object, context: object) -> None:
        raise AssertionError

    async def stream(request: object, context: object) -> AsyncIterator[None]:
        raise AssertionError
        yield

    kinds = (
        (grpc.unary_unary_rpc_method_handler, unary, "unary_unary"),
        (grpc.stream_unary_rpc_method_handler, unary, "stream_unary"),
        (grpc.unary_stream_rpc_method_handler, stream, "unary_stream"),
        (grpc.stream_stream_rpc_method_handler, stream, "stream_stream"),
    )
    access = guard()

    async def refused(handler: Any, kind: str) -> None:
        access.note(())
        behaviour = getattr(access.guarded("/some.Service/Method", handler), kind)
        with pytest.raises(ConnectionAbortedError):
            if kind.endswith("stream"):
                await anext(behaviour(None, Context("spiffe://adplatform/operator")))
            else:
                await behaviour(None, Context("spiffe://adplatform/operator"))

    for make, behaviour, kind in kinds:
        asyncio.run(refused(make(behaviour), kind))


def test_health_is_not_even_asked() -> None:
    async def check(request: object, context: object) -> None: ...

    handler = grpc.unary_unary_rpc_method_handler(check)
    assert guard().guarded("/grpc.health.v1.Health/Check", handler) is handler


def test_every_refusal_reads_the_same() -> None:
    def text(method: str, *authorizations: str, spiffe_id: str | None = None) -> tuple[str, bytes]:
        try:
            call(guard(), method, *authorizations, spiffe_id=spiffe_id)
        except PlatformError as refused:
            status = status_of(refused)
            return type(refused).__name__, status.SerializeToString()
        raise AssertionError

    unknown = {text(SERVE), text(LIST, "Bearer x"), text(BOOKS, f"Bearer {APP[:-1]}"), text(SERVE, f"Basic {APP}")}
    denied = {text(LIST, f"Bearer {APP}"), text(BOOKS, f"Bearer {MANAGER}"), text(SERVE, spiffe_id="spiffe://x/y")}
    assert len(unknown) == len(denied) == 1
