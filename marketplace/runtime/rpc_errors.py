"""The table from our errors to gRPC codes; `methods` applies it.

An exception that is not ours reaches the client as INTERNAL with nothing of its text; the text goes to the log.
"""

import math
from functools import lru_cache
from typing import Final

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from marketplace import errors

_DOMAIN: Final = "adplatform"

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
    code, reason = _code_and_reason(error)
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


def end_of(error: Exception) -> tuple[str, str]:
    """Returns the names of an error's gRPC code and of the reason in its details, if there is one."""
    if not isinstance(error, errors.PlatformError):
        return "INTERNAL", ""
    code, reason = _code_and_reason(error)
    return code.name, reason


def _code_and_reason(error: errors.PlatformError) -> tuple[grpc.StatusCode, str]:
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
