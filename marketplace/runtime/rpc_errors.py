"""The table from our errors to gRPC codes, and the interceptor that applies it.

An exception that is not ours reaches the client as INTERNAL with nothing of its text; the text goes to the log.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
import grpc.aio
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from marketplace import errors

_DOMAIN: Final = "adplatform"

_CODES: Final[dict[type[errors.PlatformError], tuple[grpc.StatusCode, str]]] = {
    errors.InvalidArgument: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    errors.ReceiptInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_INVALID"),
    errors.ReceiptExpired: (grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_EXPIRED"),
    errors.NotFound: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    errors.AlreadyExists: (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    errors.FailedPrecondition: (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
    errors.Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    errors.DeadlineExceeded: (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    errors.Unavailable: (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
}

log = structlog.get_logger()


def status_of(error: Exception) -> status_pb2.Status:
    """Returns the status that a client sees: code, message, and details with the reason and the field."""
    if not isinstance(error, errors.PlatformError):
        log.error("internal error", exc_info=error)
        return status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message="internal error")
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


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns what a method raises into a status; the only place that does."""

    def __init__(self) -> None:
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wraps the method's handler, once per method."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:  # an unknown method: gRPC answers UNIMPLEMENTED
                return None
            wrapped = self._wrapped[method] = _wrap(handler)
        return wrapped


def _wrap(handler: "grpc.RpcMethodHandler[Any, Any]") -> "grpc.RpcMethodHandler[Any, Any]":
    codec = (handler.request_deserializer, handler.response_serializer)
    if handler.unary_unary:
        unary: Any = handler.unary_unary

        async def call(request: Any, context: Any) -> Any:
            try:
                return await unary(request, context)
            except Exception as error:
                await context.abort_with_status(rpc_status.to_status(status_of(error)))

        return grpc.unary_unary_rpc_method_handler(call, *codec)
    if handler.stream_stream:
        stream: Any = handler.stream_stream

        async def converse(requests: Any, context: Any) -> AsyncIterator[Any]:
            try:
                async for response in stream(requests, context):
                    yield response
            except Exception as error:
                await context.abort_with_status(rpc_status.to_status(status_of(error)))

        return grpc.stream_stream_rpc_method_handler(converse, *codec)
    return handler
