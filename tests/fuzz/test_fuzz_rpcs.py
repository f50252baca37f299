"""Whatever bytes come on whatever method: an answer or a reason, never a crash, UNKNOWN or INTERNAL."""

from typing import Final

import pytest
from adplatform.v1 import feedback_handler_pb2
from case_numbers import bytes_found, seeded
from grpc import StatusCode
from hostile import damage, edited, edits_of, request
from installation import NOW_US, RING, receipt
from right_requests import REQUESTS
from rpcs import Rpcs

from admanager.commands import parse_command
from marketplace.permissions import PERMISSIONS, Role, roles_for

SEEN: Final = frozenset(
    (
        *(StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND, StatusCode.ALREADY_EXISTS),
        *(StatusCode.FAILED_PRECONDITION, StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE),
    )
)
_AWAY: Final = (StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE)
STREAMS: Final = tuple(method for method in REQUESTS if "/Stream" in method)
SHARES: Final = {"AdServer": 0.04, "CampaignManager": 0.04, "FeedbackHandler": 0.04, "Reporting": 0.012}


def may_end(method: str, role: Role = Role.OPERATOR) -> frozenset[StatusCode]:
    """Returns how a call may end. Reporting has a real store behind it: what that chokes on must not pass for busy."""
    ends = SEEN.difference(_AWAY) if method.startswith("Reporting/") else SEEN
    return ends | {StatusCode.PERMISSION_DENIED} if role is Role.MANAGER else ends  # of another's account


def test_every_rpc_is_called() -> None:
    assert {f"/adplatform.v1.{method}" for method in REQUESTS} == {
        method for method in PERMISSIONS if method.startswith("/adplatform.")
    }


@pytest.mark.parametrize("method", REQUESTS)
def test_requests_as_they_should_be_are_answered(rpcs: Rpcs, method: str) -> None:
    for role in Role:
        allowed = role in roles_for(f"/adplatform.v1.{method}")
        end = StatusCode.OK if allowed else StatusCode.PERMISSION_DENIED
        assert rpcs.call(method, REQUESTS[method].SerializeToString(), role=role) == [end]


@pytest.mark.parametrize("method", REQUESTS)
def test_hostile_requests_are_answered_or_refused_with_a_reason(rpcs: Rpcs, method: str) -> None:
    base, allowed = REQUESTS[method], roles_for(f"/adplatform.v1.{method}")
    edits, roles = edits_of(type(base)), [role for role in Role if role in allowed]
    for rng in seeded(method, share=SHARES[method.partition("/")[0]]):
        value = request(rng, base, edits)
        role = rng.choice(roles)
        codes = rpcs.call(method, value, role=role)  # of several answers in one message each has its own
        assert may_end(method, role).issuperset(codes), (codes, role, value)
        for published in rpcs.store.published:
            parse_command(published)  # what was accepted is a command
        rpcs.store.published.clear()


@pytest.mark.parametrize("method", REQUESTS)
def test_any_bytes_are_answered_or_refused_with_a_reason(rpcs: Rpcs, method: str) -> None:
    @bytes_found(share=0.002)
    def check(value: bytes) -> None:
        assert may_end(method).issuperset(rpcs.call(method, value))

    check()


@pytest.mark.parametrize("method", REQUESTS)
def test_the_deepest_and_the_longest_are_refused(rpcs: Rpcs, method: str) -> None:
    base = REQUESTS[method]
    longest = [edit._replace(value="x" * 1_000_000) for edit in edits_of(type(base)) if isinstance(edit.value, str)]
    nested = (b"\x0b" * 100, b"\x0b" * 1_000_000, b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 1_000_000)
    for value in (*nested, *(edited(base, [edit]) for edit in longest[:: len(longest) // 8 or 1])):
        (code,) = rpcs.call(method, value)
        assert code in may_end(method), (code, value[:20])


@pytest.mark.parametrize("method", STREAMS)
def test_a_bad_message_does_not_take_along_the_ones_before_it(rpcs: Rpcs, method: str) -> None:
    base = REQUESTS[method]
    edits, good = edits_of(type(base)), base.SerializeToString()
    for rng in seeded(f"{method} in a row", share=0.01):
        values = [request(rng, base, edits) for _ in range(rng.randint(1, 4))]
        codes = rpcs.call(method, good, *values)
        assert StatusCode.OK in codes and SEEN.issuperset(codes), (codes, values)


def test_receipts_are_opened_or_refused(rpcs: Rpcs) -> None:
    whole, opened = receipt(), RING.open(receipt())
    for rng in seeded("receipts", share=0.05):
        broken = damage(rng, whole) if rng.random() < 0.5 else RING.seal(damage(rng, opened), NOW_US)
        message = feedback_handler_pb2.SubmitFeedbackRequest(receipt=broken, action=rng.randrange(5))  # type: ignore[arg-type]
        (code,) = rpcs.call("FeedbackHandler/SubmitFeedback", message.SerializeToString())
        assert code in (StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.UNAVAILABLE), (code, broken)
