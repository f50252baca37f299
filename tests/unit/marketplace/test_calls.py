"""How calls are counted: each once, by how it ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as pb

from marketplace.errors import InvalidArgument, Overloaded, ReceiptExpired
from marketplace.runtime.calls import Calls
from marketplace.runtime.rpc_errors import ErrorInterceptor, status_of

METHOD = "/adplatform.v1.AdServer/StreamAds"


class Context:
    def invocation_metadata(self) -> Any:
        return ()

    async def abort_with_status(self, status: Any) -> None:
        raise grpc.aio.AbortError(status.code)


def wrapped(calls: Calls, handler: Any, method: str = METHOD) -> Any:
    """Returns a handler as the interceptor hands it to gRPC."""

    async def continuation(_: Any) -> Any:
        return handler

    details: Any = SimpleNamespace(method=method, invocation_metadata=())
    return asyncio.run(ErrorInterceptor(calls).intercept_service(continuation, details))


def unary(calls: Calls, answer: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    return wrapped(calls, grpc.unary_unary_rpc_method_handler(answer)).unary_unary


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

    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(unary(calls, fail)(1, Context()))
    counted = calls.of(METHOD)
    assert counted.ends() == {("OK", ""): 0, end: 1}
    assert counted.seconds.count == 1


def test_a_call_that_is_answered_counts_as_ok() -> None:
    calls = Calls()

    async def answer(request: int, context: Any) -> int:
        return request + 1

    call = unary(calls, answer)
    assert [asyncio.run(call(number, Context())) for number in range(3)] == [1, 2, 3]
    assert calls.of(METHOD).ends() == {("OK", ""): 3}


def test_a_call_whose_client_has_gone_counts_as_cancelled() -> None:
    calls = Calls()

    async def wait(request: Any, context: Any) -> Any:
        await asyncio.sleep(60)

    async def leave() -> None:
        call = asyncio.ensure_future(unary_call(1, Context()))
        await asyncio.sleep(0)
        call.cancel()
        await call

    unary_call = unary(calls, wait)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert calls.of(METHOD).ends() == {("OK", ""): 0, ("CANCELLED", ""): 1}


def test_each_message_of_a_stream_counts_in_whatever_order_it_is_answered() -> None:
    calls = Calls()

    async def converse(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        numbers = [request.sequence async for request in requests]
        for number in reversed(numbers):
            error = status_of(Overloaded()) if number == 2 else None
            yield pb.StreamAdsResponse(sequence=number, error=error)

    async def requests() -> AsyncIterator[Any]:
        for number in (1, 2, 3, 3):  # a number used twice is the client's affair
            yield pb.StreamAdsRequest(sequence=number)

    handler = wrapped(calls, grpc.stream_stream_rpc_method_handler(converse)).stream_stream

    async def collect() -> list[int]:
        return [response.sequence async for response in handler(requests(), Context())]

    assert asyncio.run(collect()) == [3, 3, 2, 1]
    counted = calls.of(METHOD)
    assert counted.ends() == {("OK", ""): 3, ("RESOURCE_EXHAUSTED", "OVERLOADED"): 1}
    assert counted.seconds.count == 4


def test_methods_of_others_are_not_counted() -> None:
    calls = Calls()

    async def answer(request: Any, context: Any) -> Any:
        return request

    handler = wrapped(calls, grpc.unary_unary_rpc_method_handler(answer), "/grpc.health.v1.Health/Check")
    assert asyncio.run(handler.unary_unary(1, Context())) == 1
    requests, _ = calls.figures()
    assert requests.read() == {}
