"""The methods of a process: who may call them, how many calls at once, how what they raise reaches the client.

Each method is wrapped once, when it is added. gRPC's interceptors do the same at every call, in a coroutine of their
own; and each service that is registered with the server is one more future that every call waits on. ADR 11
has what that costs.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final, Protocol

import grpc
import structlog
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc_status import rpc_status

from marketplace import errors
from marketplace.runtime.calls import Calls, MethodCalls, of_stream, readable
from marketplace.runtime.rpc_errors import end_of, status_of

_OURS: Final = "/adplatform."
_HEALTH: Final = "/grpc.health."

Handler = Any  # grpc.RpcMethodHandler, whose attributes the stubs do not know


class Guard(Protocol):
    """Decides who may call what; see `marketplace.runtime.access`."""

    def note(self, metadata: Any) -> None:
        """Keeps what the call at hand proves its identity with."""

    def guarded(self, method: str, handler: Any) -> Any:
        """Returns a method's handler, for those who may call it; it raises PlatformError for others."""


class Methods(grpc.GenericRpcHandler):
    """What generated code adds services to in place of a server; a server finds every method here."""

    def __init__(
        self,
        calls: Calls,
        guard: Guard | None = None,
        notes: Sequence[Callable[[Any], None]] = (),
        max_calls: int = 1_000_000,
    ) -> None:
        """`notes` are given the metadata of each call. Of more calls than `max_calls` at once, some are refused."""
        self._calls = calls
        self._guard = guard
        self._notes = [*notes, guard.note] if guard else list(notes)
        self._max_calls = max_calls
        self._active = 0
        self._handlers: dict[str, Handler] = {}
        self._refusing: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Does nothing: generated code adds each service in this way too."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Adds the methods of a service."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            calls = self._calls.of(method) if method.startswith(_OURS) else MethodCalls()
            guarded = self._guard.guarded(method, handler) if self._guard else handler
            self._handlers[method] = _wrapped(guarded, method, calls)
            if not method.startswith(_HEALTH):  # who has much to do is well
                self._refusing[method] = _full(handler, calls)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Returns the method's handler; None for an unknown method: gRPC answers UNIMPLEMENTED. In the call's task."""
        handler = self._handlers.get(handler_call_details.method)
        if handler is None:
            return None
        if self._active >= self._max_calls:
            return self._refusing.get(handler_call_details.method, handler)
        task = asyncio.current_task()
        assert task
        task.add_done_callback(self._ended)
        self._active += 1
        for note in self._notes:
            note(handler_call_details.invocation_metadata)
        return handler

    def _ended(self, _: Any) -> None:
        self._active -= 1


def _wrapped(handler: Handler, method: str, calls: MethodCalls) -> Handler:
    read, write = _tolerant(handler.request_deserializer), _passing(handler.response_serializer)
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(_unary(handler.unary_unary, method, calls), read, write)
    if handler.stream_stream and method.startswith(_OURS):
        return grpc.stream_stream_rpc_method_handler(_stream(handler.stream_stream, method, calls), read, write)
    return handler


def _unary(answer: Any, method: str, calls: MethodCalls) -> Any:
    async def call(request: Any, context: Any) -> Any:
        started_s = perf_counter()
        try:
            response = await answer(readable(request), context)
        except Exception as error:
            calls.failed(started_s, *end_of(error))
            await context.abort_with_status(rpc_status.to_status(_told(error, method, context)))
        except BaseException:
            calls.failed(started_s, "CANCELLED", "")  # the client has gone
            raise
        calls.answered(started_s)
        return response

    return call


def _stream(converse: Any, method: str, calls: MethodCalls) -> Any:
    """See `marketplace.runtime.streams`: a stream of ours reads and writes by its context, and counts its messages."""

    async def stream(requests: Any, context: Any) -> None:
        of_stream.set(calls)
        try:
            await converse(requests, context)
        except Exception as error:
            await context.abort_with_status(rpc_status.to_status(_told(error, method, context)))

    return stream


def _full(handler: Handler, calls: MethodCalls) -> Handler:
    """Returns the handler of a method, ours or another's, while there are too many calls: it reads nothing."""

    async def refuse(request: Any, context: Any) -> Any:
        error = errors.Overloaded("too many calls at once")
        calls.failed(perf_counter(), *end_of(error))
        await context.abort_with_status(rpc_status.to_status(status_of(error)))

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]
    return make(refuse)


def _tolerant(read: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Returns a deserializer that returns what is wrong: gRPC would answer what it raises with UNKNOWN and its text."""

    def tolerant(value: bytes) -> Any:
        assert read
        try:
            return read(value)
        except DecodeError:
            return errors.InvalidArgument("is not a message of this method", "request")

    return tolerant if read else None


def _passing(write: Callable[[Any], bytes] | None) -> Callable[[Any], bytes] | None:
    """Returns a serializer that lets pass what a method has already written as bytes."""

    def passing(message: Any) -> bytes:
        assert write
        return message if type(message) is bytes else write(message)

    return passing if write else None


def _told(error: Exception, method: str, context: Any) -> status_pb2.Status:
    """Returns the status of an error. What that logs carries the method, and the trace that the caller has given."""
    if isinstance(error, errors.PlatformError) and error.__cause__ is None:
        return status_of(error)  # logs nothing, and a refusal must cost little
    given = dict(context.invocation_metadata() or ()).get("traceparent")
    with structlog.contextvars.bound_contextvars(method=method, traceparent=given):
        return status_of(error)
