"""Methods as gRPC finds them: each call counted once, by how it ended; too many at once refused."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo

from marketplace.errors import InvalidArgument, Overloaded, ReceiptExpired
from marketplace.runtime.calls import Calls
from marketplace.runtime.methods import Methods

SERVICE, NAME = "adplatform.v1.AdServer", "ServeAd"
METHOD = f"/{SERVICE}/{NAME}"


class Ended(Exception):
    """What a call was ended with."""


class Context:
    def invocation_metadata(self) -> Any:
        return ()

    async def abort_with_status(self, status: Any) -> None:
        raise Ended(status.code, dict(status.trailing_metadata))


def methods(
    calls: Calls, answer: Callable[[Any, Any], Awaitable[Any]], service: str = SERVICE, max_calls: int = 100
) -> Methods:
    made = Methods(calls, max_calls=max_calls)
    made.add_registered_method_handlers(service, {NAME: grpc.unary_unary_rpc_method_handler(answer)})
    return made


async def call(found: Methods, request: Any, service: str = SERVICE) -> Any:
    """Makes a call as gRPC does: in a task of its own, in which the handler is looked up."""
    details: Any = SimpleNamespace(method=f"/{service}/{NAME}", invocation_metadata=())

    async def run() -> Any:
        handler = found.service(details)
        assert handler
        return await handler.unary_unary(request, Context())

    return await asyncio.ensure_future(run())


async def echo(request: Any, context: Any) -> Any:
    return request


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (InvalidArgument("is missing", "receipt"), ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        (ReceiptExpired(), ("INVALID_ARGUMENT", "RECEIPT_EXPIRED")),
        (Overloaded(), ("RESOURCE_EXHAUSTED", "OVERLOADED")),
        (RuntimeError("secret"), ("INTERNAL", "")),
    ],
)
def test_a_call_that_fails_counts_with_its_code_and_reason(error: Exception, end: tuple[str, str]) -> None:
    calls = Calls()

    async def fail(request: Any, context: Any) -> Any:
        raise error

    with pytest.raises(Ended) as ended:
        asyncio.run(call(methods(calls, fail), 1))
    assert ended.value.args[0].name == end[0]
    counted = calls.of(METHOD)
    assert counted.ends() == {("OK", ""): 0, end: 1}
    assert counted.seconds.count == 1


def test_a_call_that_is_answered_counts_as_ok() -> None:
    calls = Calls()
    found = methods(calls, echo)
    assert [asyncio.run(call(found, number)) for number in range(3)] == [0, 1, 2]
    assert calls.of(METHOD).ends() == {("OK", ""): 3}


def test_a_call_whose_client_has_gone_counts_as_cancelled() -> None:
    calls = Calls()

    async def wait(request: Any, context: Any) -> Any:
        await asyncio.sleep(60)

    async def leave() -> None:
        leaving = asyncio.ensure_future(call(methods(calls, wait), 1))
        await asyncio.sleep(0.01)
        leaving.cancel()
        await leaving

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert calls.of(METHOD).ends() == {("OK", ""): 0, ("CANCELLED", ""): 1}


def test_methods_of_others_are_not_counted() -> None:
    calls, health = Calls(), "grpc.health.v1.Health"
    assert asyncio.run(call(methods(calls, echo, health), 1, health)) == 1
    requests, _ = calls.figures()
    assert requests.read() == {}


def test_more_calls_than_may_be_at_once_are_told_when_to_come_again() -> None:
    calls = Calls()
    leave = asyncio.Event()

    async def wait(request: Any, context: Any) -> Any:
        await leave.wait()
        return request

    async def crowd() -> None:
        found = methods(calls, wait, max_calls=2)
        inside = [asyncio.ensure_future(call(found, number)) for number in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Ended) as refused:
            await call(found, 3)
        code, details = refused.value.args
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert RetryInfo.DESCRIPTOR.full_name.encode() in details["grpc-status-details-bin"]
        leave.set()
        assert await asyncio.gather(*inside) == [0, 1]
        assert await call(found, 4) == 4

    asyncio.run(crowd())
    assert calls.of(METHOD).ends() == {("OK", ""): 3, ("RESOURCE_EXHAUSTED", "OVERLOADED"): 1}


@pytest.mark.parametrize("service", [SERVICE, "grpc.reflection.v1.ServerReflection"])
def test_a_stream_that_is_one_too_many_ends_unread(service: str) -> None:
    found = Methods(Calls(), max_calls=0)
    found.add_registered_method_handlers(service, {NAME: grpc.stream_stream_rpc_method_handler(echo)})
    details: Any = SimpleNamespace(method=f"/{service}/{NAME}", invocation_metadata=())
    refusing = found.service(details)
    assert refusing
    assert (refusing.request_streaming, refusing.response_streaming) == (True, True)
    with pytest.raises(Ended) as refused:
        asyncio.run(refusing.stream_stream(None, Context()))
    code, details = refused.value.args
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert RetryInfo.DESCRIPTOR.full_name.encode() in details["grpc-status-details-bin"]


def test_health_is_told_however_many_call() -> None:
    health = "grpc.health.v1.Health"

    async def ask() -> Any:
        return await call(methods(Calls(), echo, health, max_calls=0), 1, health)

    assert asyncio.run(ask()) == 1
