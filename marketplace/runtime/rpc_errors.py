"""The table from our errors to gRPC codes, and the interceptor that applies it.

An exception that is not ours reaches the client as INTERNAL with nothing of its text; the text goes to the log.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from time import perf_counter
from typing import Any, Final, Protocol

import grpc
import grpc.aio
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from marketplace import errors
from marketplace.runtime.calls import Calls, MethodCalls, readable, timed

_DOMAIN: Final = "adplatform"
_OURS: Final = "/adplatform."

_CODES: Final[dict[type[errors.PlatformError], tuple[grpc.StatusCode, str]]] = {
    errors.InvalidArgument: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    errors.ReceiptInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_INVALID"),
    errors.ReceiptExpired: (grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_EXPIRED"),
    errors.NotFound: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    errors.AlreadyExists: (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    errors.FailedPrecondition: (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
    errors.RateLimited: (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
    errors.Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
    errors.PermissionDenied: (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    errors.Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    errors.DeadlineExceeded: (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    errors.Unavailable: (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
}

log = structlog.get_logger()


def status_of(error: Exception) -> status_pb2.Status:
    """Returns the status that a client sees: code, message, and details with the reason and the field."""
    if isinstance(error, errors.Overloaded):
        retry_ms = math.ceil(error.retry_after_s * 100) * 10  # coarse, so that few differ
        return _refusal(isinstance(error, errors.RateLimited), error.message, retry_ms)
    if not isinstance(error, errors.PlatformError):
        log.error("internal error", exc_info=error)
        return status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message="internal error")
    return _status(error)


@lru_cache(maxsize=2_000)
def _refusal(limited: bool, message: str, retry_ms: int) -> status_pb2.Status:
    """Makes each refusal once: when there is too much to do, refusing must cost little. Not to be changed."""
    kind = errors.RateLimited if limited else errors.Overloaded
    return _status(kind(message, retry_ms / 1_000))


def _status(error: errors.PlatformError) -> status_pb2.Status:
    code, reason = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    if isinstance(error, errors.Unavailable) and error.__cause__ is not None:
        log.warning("dependency unavailable", cause=repr(error.__cause__)[:300])
    status = status_pb2.Status(code=code.value[0], message=str(error))
    status.details.extend(_packed(detail) for detail in _details(error, reason))
    return status


def _details(error: errors.PlatformError, reason: str) -> list[Message]:
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=reason, domain=_DOMAIN)]
    if isinstance(error, errors.InvalidArgument):
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, errors.Overloaded):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return details


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def end_of(status: status_pb2.Status) -> tuple[str, str]:
    """Returns the names of a status' code and of the reason in its details, if there is one."""
    info = error_details_pb2.ErrorInfo()
    told = any(detail.Unpack(info) for detail in status.details)
    return code_pb2.Code.Name(status.code), info.reason if told else ""


class Guard(Protocol):
    """Decides who may call what; see `marketplace.runtime.access`."""

    def note(self, metadata: Any) -> None:
        """Keeps what the call at hand proves its identity with."""

    def guarded(self, method: str, handler: Any) -> Any:
        """Returns a method's handler, for those who may call it; it raises PlatformError for others."""


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns what a method raises into a status, the only place that does; counts how calls end.

    With a guard, every call is let in by it first: here, so that a call crosses one interceptor and not two.
    """

    def __init__(self, calls: Calls, guard: Guard | None = None) -> None:
        self._calls = calls
        self._guard = guard
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wraps the method's handler, once per method."""
        method = handler_call_details.method
        if self._guard:
            self._guard.note(handler_call_details.invocation_metadata)
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:  # an unknown method: gRPC answers UNIMPLEMENTED
                return None
            if self._guard:
                handler = self._guard.guarded(method, handler)
            counted = self._calls.of(method) if method.startswith(_OURS) else None
            wrapped = self._wrapped[method] = _wrap(handler, method, counted)
        return wrapped


def _tolerant(read: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Returns a deserializer that returns what is wrong: gRPC would answer what it raises with UNKNOWN and its text."""

    def tolerant(value: bytes) -> Any:
        assert read
        try:
            return read(value)
        except DecodeError:
            return errors.InvalidArgument("is not a message of this method", "request")

    return tolerant if read else None


def _told(error: Exception, method: str, context: Any) -> status_pb2.Status:
    """Returns the status of an error. What that logs carries the method, and the trace that the caller has given."""
    if isinstance(error, errors.PlatformError) and error.__cause__ is None:
        return status_of(error)  # logs nothing, and a refusal must cost little
    given = dict(context.invocation_metadata() or ()).get("traceparent")
    with structlog.contextvars.bound_contextvars(method=method, traceparent=given):
        return status_of(error)


def _wrap(
    handler: "grpc.RpcMethodHandler[Any, Any]", method: str, counted: MethodCalls | None
) -> "grpc.RpcMethodHandler[Any, Any]":
    codec = (_tolerant(handler.request_deserializer), handler.response_serializer)
    calls = counted or MethodCalls()
    if handler.unary_unary:
        unary: Any = handler.unary_unary

        async def call(request: Any, context: Any) -> Any:
            started_s = perf_counter()
            try:
                response = await unary(readable(request), context)
            except Exception as error:
                status = _told(error, method, context)
                calls.failed(started_s, *end_of(status))
                await context.abort_with_status(rpc_status.to_status(status))
            except BaseException:
                calls.failed(started_s, "CANCELLED", "")  # the client has gone
                raise
            calls.answered(started_s)
            return response

        return grpc.unary_unary_rpc_method_handler(call, *codec)
    if handler.stream_stream and counted:
        stream: Any = handler.stream_stream

        async def converse(requests: Any, context: Any) -> AsyncIterator[Any]:
            came_s: dict[int, float] = {}
            try:
                async for response in stream(timed(requests, came_s), context):
                    # A number that the client uses twice is noted once; then nothing tells when the other came.
                    started_s = came_s.pop(response.sequence, 0.0) or perf_counter()
                    if response.HasField("error"):
                        calls.failed(started_s, *end_of(response.error))
                    else:
                        calls.answered(started_s)
                    yield response
            except Exception as error:
                await context.abort_with_status(rpc_status.to_status(_told(error, method, context)))

        return grpc.stream_stream_rpc_method_handler(converse, *codec)
    return handler
