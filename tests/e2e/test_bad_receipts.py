"""Receipts that are none, or no longer: the right reason for the client, nothing on the bill."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import grpc
import pytest
from adplatform.v1 import feedback_handler_pb2 as pb
from adplatform.v1.events_pb2 import ServedAd
from campaigns import CALL_S, CLICK, CPC, VIEW, Advertiser
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from mesh import Mesh, allowed_s

from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.receipt import KeyRing, new_key
from marketplace.runtime.keys import load_ring
from marketplace.wire import encode_serve, serve_from_proto

HOUR_US: Final = 3_600 * US_PER_SECOND

Reseal = Callable[[bytes, KeyRing], bytes]
Submit = Callable[[Mesh, Sequence[pb.StreamFeedbackRequest]], Sequence[pb.StreamFeedbackResponse]]


def flipped(receipt: bytes, _: KeyRing) -> bytes:
    return receipt[:-20] + bytes([receipt[-20] ^ 1]) + receipt[-19:]


def foreign(receipt: bytes, ring: KeyRing) -> bytes:
    return KeyRing([new_key(0)]).seal(ring.open(receipt), system_clock())


def with_our_key_id(receipt: bytes, ring: KeyRing) -> bytes:
    """Seals with another secret, and claims our key."""
    return receipt[:5] + foreign(receipt, ring)[5:]


def aged(hours: int) -> Reseal:
    def reseal(receipt: bytes, ring: KeyRing) -> bytes:
        serve = serve_from_proto(ServedAd.FromString(ring.open(receipt)))
        now_us = system_clock()
        return ring.seal(encode_serve(replace(serve, served_at_us=now_us - hours * HOUR_US)), now_us)

    return reseal


def no_serve(receipt: bytes, ring: KeyRing) -> bytes:
    return ring.seal(b"\xff" * 40, system_clock())


BAD: Final[dict[str, tuple[Reseal, str]]] = {
    "garbage": (lambda *_: b"x" * 150, "RECEIPT_INVALID"),
    "empty": (lambda *_: b"", "INVALID_ARGUMENT"),
    "too long": (lambda *_: b"\x01" * 5_000, "INVALID_ARGUMENT"),
    "cut short by a byte": (lambda receipt, _: receipt[:-1], "RECEIPT_INVALID"),
    "only its header": (lambda receipt, _: receipt[:17], "RECEIPT_INVALID"),
    "with a byte more": (lambda receipt, _: receipt + b"\0", "RECEIPT_INVALID"),
    "with a flipped bit": (flipped, "RECEIPT_INVALID"),
    "of another version": (lambda receipt, _: b"\x02" + receipt[1:], "RECEIPT_INVALID"),
    "of another key": (foreign, "RECEIPT_INVALID"),
    "of another key with our id": (with_our_key_id, "RECEIPT_INVALID"),
    "of no serve": (no_serve, "RECEIPT_INVALID"),
    "expired": (aged(25), "RECEIPT_EXPIRED"),
}


def ring_of(mesh: Mesh) -> KeyRing:
    return load_ring(Path(mesh.environment["RECEIPT_KEYS"]))


def reason_of(status: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details), status
    return info.reason


@pytest.mark.parametrize("kind", BAD)
def test_the_right_reason_and_no_bill(mesh: Mesh, kind: str) -> None:
    spoil, reason = BAD[kind]
    mine = Advertiser.create(mesh, budget_nanos=10 * 10**9)
    ad = mine.serve_soon(allowed_s(1.0))
    before = mesh.ledger()
    bad = spoil(ad.receipt, ring_of(mesh))
    with pytest.raises(grpc.RpcError) as problem:
        mesh.feedback.SubmitFeedback(pb.SubmitFeedbackRequest(receipt=bad, action=CLICK), timeout=CALL_S)
    assert problem.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(problem.value)
    assert status is not None
    assert reason_of(status) == reason
    assert mesh.ledger() == before
    assert mine.campaign().spent_nanos == 0
    assert mine.act(ad, CLICK).charged_nanos == CPC, "the good one is as good as before"


def test_a_receipt_just_before_its_end_counts(mesh: Mesh) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10 * 10**9)
    ad = mine.serve_soon(allowed_s(1.0))
    ad.receipt = aged(23)(ad.receipt, ring_of(mesh))
    assert mine.act(ad, CLICK).charged_nanos == CPC


def test_a_campaign_that_this_store_does_not_know_is_not_billed(mesh: Mesh) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10 * 10**9)
    ring = ring_of(mesh)
    serve = serve_from_proto(ServedAd.FromString(ring.open(mine.serve_soon(allowed_s(1.0)).receipt)))
    stranger = replace(serve, winner=replace(serve.winner, campaign_id=str(uuid.uuid4())))
    request = pb.SubmitFeedbackRequest(receipt=ring.seal(encode_serve(stranger), system_clock()), action=CLICK)
    before = mesh.ledger()
    with pytest.raises(grpc.RpcError) as problem:
        mesh.feedback.SubmitFeedback(request, timeout=CALL_S)
    assert problem.value.code() is grpc.StatusCode.UNAVAILABLE
    assert mesh.ledger() == before


def one_by_one(mesh: Mesh, requests: Sequence[pb.StreamFeedbackRequest]) -> Sequence[pb.StreamFeedbackResponse]:
    return list(mesh.feedback.StreamFeedback(iter(requests), timeout=CALL_S))


def in_one_message(mesh: Mesh, requests: Sequence[pb.StreamFeedbackRequest]) -> Sequence[pb.StreamFeedbackResponse]:
    messages = iter([pb.StreamFeedbackBatchesRequest(requests=requests)])
    answers = mesh.feedback.StreamFeedbackBatches(messages, timeout=CALL_S)
    return [answer for message in answers for answer in message.responses]


@pytest.mark.parametrize("submit", [one_by_one, in_one_message])
def test_bad_feedback_on_a_stream_fails_alone(mesh: Mesh, submit: Submit) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10 * 10**9)
    good = mine.serve_soon(allowed_s(1.0))
    ring = ring_of(mesh)
    feedback = [(good.receipt, VIEW), *((spoil(good.receipt, ring), CLICK) for spoil, _ in BAD.values())]
    feedback += [(good.receipt, pb.ACTION_UNSPECIFIED), (good.receipt, CLICK)]
    requests = [
        pb.StreamFeedbackRequest(sequence=n, request=pb.SubmitFeedbackRequest(receipt=receipt, action=action))
        for n, (receipt, action) in enumerate(feedback)
    ]
    came = submit(mesh, requests)
    answers = {answer.sequence: answer for answer in came}
    assert sorted(answer.sequence for answer in came) == list(range(len(feedback)))
    assert answers[0].response.request_id == good.request_id
    for number, (_, reason) in enumerate(BAD.values(), 1):
        assert reason_of(answers[number].error) == reason
    assert reason_of(answers[len(feedback) - 2].error) == "INVALID_ARGUMENT"
    assert answers[len(feedback) - 1].response.charged_nanos == CPC
    assert mine.campaign().spent_nanos == CPC
    mesh.settle()
    mesh.reconciled()
