"""Why something was not done, and what an app does about that."""

from dataclasses import dataclass
from typing import Final

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

# drop: the same again would be refused again. later: it was tried again for long enough; keep it, and send it some
# other time. stop: nothing will be answered until a person has looked into it, and so for what is not listed.
THEN: Final = {
    "INVALID_ARGUMENT": "drop",  # a defect of this app: the field is named
    "RECEIPT_INVALID": "drop",  # not a receipt of this platform, or not unchanged
    "RECEIPT_EXPIRED": "drop",  # too late
    "OVERLOADED": "later",
    "RATE_LIMITED": "later",
    "RESOURCE_EXHAUSTED": "later",  # from gRPC itself, or from a proxy on the way
    "CANCELLED": "later",  # from gRPC itself, where too many calls wait to be taken up
    "UNAVAILABLE": "later",
    "DEADLINE_EXCEEDED": "later",
    "UNAUTHENTICATED": "stop",  # no valid TOKEN
    "PERMISSION_DENIED": "stop",  # a TOKEN for something else
}
PASSING: Final = (code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED, code_pb2.DEADLINE_EXCEEDED)
"""Codes after which the same may well succeed a little later."""


@dataclass(frozen=True)
class Refusal:
    """`reason` as in the status' details, `field` the one at fault or empty, `then` what to do.

    `wait_s`: how long the server asks to be left alone.
    """

    reason: str
    field: str
    then: str
    wait_s: float = 0.0


def refusal_of(problem: grpc.RpcError) -> Refusal:
    """Reads what a call has ended with."""
    assert isinstance(problem, grpc.Call)
    status = rpc_status.from_call(problem)
    return refusal_in(status or status_pb2.Status(code=problem.code().value[0], message=problem.details()))


def refusal_in(status: status_pb2.Status) -> Refusal:
    """Reads a status."""
    reason, field, wait_s = code_pb2.Code.Name(status.code), "", 0.0
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            field = next((violation.field for violation in bad.field_violations), "")
        elif detail.Unpack(retry):
            wait_s = retry.retry_delay.ToMilliseconds() / 1000
    return Refusal(reason, field, THEN.get(reason, "stop"), wait_s)
