"""What clients see of errors."""

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from marketplace import errors
from marketplace.receipt import UnknownKey
from marketplace.runtime.rpc_errors import status_of


def details(status: status_pb2.Status, kind: type[Message]) -> list[Message]:
    found = []
    for packed in status.details:
        message = kind()
        if packed.Unpack(message):
            found.append(message)
    return found


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (errors.InvalidArgument("is missing", "receipt"), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        (errors.ReceiptInvalid(), grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_INVALID"),
        (UnknownKey(), grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_INVALID"),
        (errors.ReceiptExpired(), grpc.StatusCode.INVALID_ARGUMENT, "RECEIPT_EXPIRED"),
        (errors.NotFound("there is no campaign x"), grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
        (errors.AlreadyExists("campaign x exists"), grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
        (errors.FailedPrecondition("stopped"), grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
        (errors.Overloaded(), grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        (errors.Unavailable(), grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
    ],
)
def test_each_error_has_its_code_and_reason(error: errors.PlatformError, code: grpc.StatusCode, reason: str) -> None:
    status = status_of(error)
    assert (status.code, status.message) == (code.value[0], str(error))
    assert [info.reason for info in details(status, error_details_pb2.ErrorInfo)] == [reason]  # type: ignore[attr-defined]


def test_a_bad_argument_names_its_field() -> None:
    status = status_of(errors.InvalidArgument("is missing", "campaign.text"))
    assert status.message == "campaign.text: is missing"
    (request,) = details(status, error_details_pb2.BadRequest)
    assert [violation.field for violation in request.field_violations] == ["campaign.text"]  # type: ignore[attr-defined]


def test_overload_says_when_to_come_again() -> None:
    (retry,) = details(status_of(errors.Overloaded(retry_after_s=0.25)), error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 250  # type: ignore[attr-defined]


def test_every_error_of_the_family_is_in_the_table() -> None:
    for kind in errors.PlatformError.__subclasses__():
        error = kind("text", "field") if kind is errors.InvalidArgument else kind("text")
        assert status_of(error).code != grpc.StatusCode.INTERNAL.value[0]


def test_what_is_not_ours_says_nothing_of_itself() -> None:
    status = status_of(RuntimeError("SELECT secret FROM ledger"))
    assert (status.code, status.message) == (grpc.StatusCode.INTERNAL.value[0], "internal error")
    assert not status.details
