"""How much one caller, one connection and one message may be."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from google.rpc import error_details_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from mesh import START_S
from secured import CALL_S, Refusal, Secured, code_of, free_address, refusal, refused, with_flags

from marketplace.permissions import Role
from marketplace.runtime.channel import open_blocking_channel

REQUEST = pb.ServeAdRequest(user_id="u")
RATE = 8
OWN = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 100)]


@pytest.fixture(scope="module")
def narrow(secured: Secured) -> Iterator[str]:
    """The address of an ad server with small bounds."""
    bounds = {"RATE_LIMIT": str(RATE), "MAX_CONNECTIONS": "5", "MAX_STREAMS": "4", "MAX_CONNECTION_SECONDS": "3"}
    with another_ad_server(secured, "narrow", bounds) as address:
        yield address


@contextmanager
def another_ad_server(secured: Secured, name: str, bounds: Mapping[str, str]) -> Iterator[str]:
    address = free_address()
    flags = ("--listen", address, "--metrics-listen", free_address(), "--public-listen", free_address())
    spec = with_flags(secured.mesh.specs["adserver"], *flags)
    spec = replace(spec, name=name, address=address, environment={**spec.environment, **bounds})
    secured.mesh.supervisor.start(spec)
    secured.mesh.supervisor.wait_healthy(name, START_S)
    yield address
    secured.mesh.supervisor.stop(name)


def test_beyond_the_rate_a_caller_is_refused_at_once_and_told_when_to_come_again(secured: Secured, narrow: str) -> None:
    app = secured.credentials(secured.token(Role.APP), "adserver")
    with open_blocking_channel(narrow, app, "adserver") as channel:
        stub = AdServerStub(channel)
        wait_known(stub)
        time.sleep(1.1)  # its bucket is full again
        began_s = time.monotonic()
        served, (code, text, reason, wait_s) = until_refused(stub)
        assert RATE <= served <= RATE * (1 + time.monotonic() - began_s) + 1
        assert (code, text, reason) == ("RESOURCE_EXHAUSTED", "too many calls, try again later", "RATE_LIMITED")
        assert 0 < wait_s <= 1 / RATE
        time.sleep(wait_s + 0.01)
        assert code_of(lambda: stub.ServeAd(REQUEST, timeout=CALL_S)) == "OK"


def test_one_callers_rate_is_not_anothers(secured: Secured, narrow: str) -> None:
    first, second = (secured.credentials(secured.token(Role.APP), "adserver") for _ in range(2))
    with (
        open_blocking_channel(narrow, first, "adserver") as one,
        open_blocking_channel(narrow, second, "adserver") as other,
    ):
        wait_known(AdServerStub(other))
        time.sleep(0.2)
        until_refused(AdServerStub(one))
        assert code_of(lambda: AdServerStub(other).ServeAd(REQUEST, timeout=CALL_S)) == "OK"


def test_messages_on_a_stream_count_and_the_stream_lives_on(secured: Secured, narrow: str) -> None:
    app = secured.credentials(secured.token(Role.APP), "adserver")
    with open_blocking_channel(narrow, app, "adserver") as channel:
        wait_known(AdServerStub(channel))
        time.sleep(1.1)  # its bucket is full again
        requests = [pb.StreamAdsRequest(sequence=number, request=REQUEST) for number in range(RATE * 10)]
        answers = list(AdServerStub(channel).StreamAds(iter(requests), timeout=CALL_S))
        assert [answer.sequence for answer in answers] == list(range(RATE * 10))
        limited = [answer for answer in answers if answer.error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]]
        assert RATE - 1 <= len(answers) - len(limited) < RATE * 10, "the stream itself was a call"
        retry = error_details_pb2.RetryInfo()
        assert any(detail.Unpack(retry) for detail in limited[0].error.details)
        assert retry.retry_delay.ToTimedelta().total_seconds() > 0


def test_feedback_counts_likewise(secured: Secured) -> None:
    assert secured.mesh.specs["feedback-handler"]
    token = secured.token(Role.APP)
    with secured.channel("feedback-handler", token) as channel:
        requests = [feedback_pb.StreamFeedbackRequest(sequence=number) for number in range(5)]
        answers = list(FeedbackHandlerStub(channel).StreamFeedback(iter(requests), timeout=CALL_S))
        assert sorted(answer.sequence for answer in answers) == list(range(5))


def until_refused(stub: AdServerStub) -> tuple[int, Refusal]:
    """Calls until it is too much; returns how many calls were answered, and how the one too many was refused."""
    deadline_s, served = time.monotonic() + CALL_S, 0
    while (found := refused(lambda: stub.ServeAd(REQUEST, timeout=CALL_S))) is None:
        served += 1
        assert time.monotonic() < deadline_s, "this machine is too slow for a burst"
    return served, found


def wait_known(stub: AdServerStub) -> None:
    deadline_s = time.monotonic() + CALL_S
    while code_of(lambda: stub.ServeAd(REQUEST, timeout=CALL_S)) == "UNAUTHENTICATED":
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_a_message_of_more_than_a_megabyte_is_refused(secured: Secured) -> None:
    with secured.channel("adserver", secured.token(Role.APP)) as channel:
        call = channel.unary_unary("/adplatform.v1.AdServer/ServeAd")
        for size, code in ((1 << 20, "RESOURCE_EXHAUSTED"), (100, "OK")):
            request = pb.ServeAdRequest(user_id="u").SerializeToString() + b"\x7a" + varint(size) + b"x" * size
            assert code_of(lambda request=request: call(request, timeout=CALL_S)) == code  # type: ignore[misc]


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def test_metadata_of_more_than_16_kilobytes_is_refused(secured: Secured) -> None:
    with secured.ads(secured.token(Role.APP)) as ads:
        for size, code in ((20_000, "RESOURCE_EXHAUSTED"), (1_000, "OK")):
            metadata = (("x-padding", "y" * size),)
            assert code_of(lambda m=metadata: ads.ServeAd(REQUEST, timeout=CALL_S, metadata=m)) == code  # type: ignore[misc]


def test_one_connection_more_is_closed_and_there_is_room_when_others_go(secured: Secured, narrow: str) -> None:
    def connect() -> grpc.Channel:
        files = [secured.certs / f"{name}.pem" for name in ("ca", "simulator-key", "simulator")]
        credentials = grpc.ssl_channel_credentials(*(path.read_bytes() for path in files))
        return grpc.secure_channel(narrow, credentials, OWN)

    channels = [connect() for _ in range(8)]
    codes = [code_of(lambda c=channel: AdServerStub(c).ServeAd(REQUEST, timeout=CALL_S)) for channel in channels]  # type: ignore[misc]
    assert codes.count("UNAVAILABLE") >= 3
    assert "OK" in codes
    for channel in channels:
        channel.close()
    deadline_s = time.monotonic() + CALL_S
    while code_of(lambda: AdServerStub(last).ServeAd(REQUEST, timeout=1)) != "OK" if (last := connect()) else False:
        last.close()
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    last.close()


def test_a_stream_more_on_a_connection_waits(secured: Secured, narrow: str) -> None:
    with open_blocking_channel(narrow, secured.credentials(certificate="operator"), "adserver") as channel:
        stub = AdServerStub(channel)
        gates = [Gate() for _ in range(3)]  # one of four is the health check's
        streams = [stub.StreamAds(iter(gate), timeout=CALL_S) for gate in gates]
        assert all(next(stream).sequence == 1 for stream in streams)
        assert code_of(lambda: stub.ServeAd(REQUEST, timeout=0.3)) == "DEADLINE_EXCEEDED"
        for gate in gates:
            gate.open = False
        assert all(list(stream) == [] for stream in streams)
        assert code_of(lambda: stub.ServeAd(REQUEST, timeout=CALL_S)) == "OK"


def test_calls_beyond_the_bound_are_told_when_to_come_again_and_health_is_told_all_the_same(secured: Secured) -> None:
    operator = secured.credentials(certificate="operator")
    with (
        another_ad_server(secured, "few-calls", {"MAX_CALLS": "4"}) as address,
        open_blocking_channel(address, operator, "adserver") as channel,
    ):
        stub = AdServerStub(channel)
        gates = [Gate() for _ in range(3)]  # one of four is the health check's
        streams = [stub.StreamAds(iter(gate), timeout=CALL_S) for gate in gates]
        assert all(next(stream).sequence == 1 for stream in streams)
        for call in (lambda: stub.ServeAd(REQUEST, timeout=CALL_S), lambda: next(stub.StreamAds(iter([]), timeout=1))):
            code, text, reason, wait_s = refusal(call)
            assert (code, text, reason) == ("RESOURCE_EXHAUSTED", "too many calls at once", "OVERLOADED")
            assert wait_s > 0
        health = HealthStub(channel).Check(HealthCheckRequest(), timeout=CALL_S)
        assert health.status == HealthCheckResponse.SERVING
        for gate in gates:
            gate.open = False
        assert all(list(stream) == [] for stream in streams)
        assert code_of(lambda: stub.ServeAd(REQUEST, timeout=CALL_S)) == "OK"


class Gate:
    """Requests of a stream: one, and then none until it is no longer open."""

    def __init__(self) -> None:
        self.open = True

    def __iter__(self) -> Iterator[pb.StreamAdsRequest]:
        yield pb.StreamAdsRequest(sequence=1, request=REQUEST)
        while self.open:
            time.sleep(0.02)
