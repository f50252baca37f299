"""One request, one trace: from the auction through the charge and the topic to the archive's file."""

import time
import uuid
from collections.abc import Iterator
from typing import Final

import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from campaigns import CALL_S, CLICK, CPA, CPC, Advertiser
from mesh import START_S, MakeMesh, Mesh
from watching import Collector, Span, collecting

from stack.settled import wait_until

CALLER: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT: Final = ("traceparent", f"00-{CALLER}-00f067aa0ba902b7-01")
NAMES: Final = {"ServeAd", "SubmitFeedback", "user-feedback publish", "user-feedback archive"}


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def traced(make_mesh: MakeMesh, collector: tuple[Collector, str]) -> Mesh:
    mesh = make_mesh(OTEL_EXPORTER_OTLP_ENDPOINT=collector[1], TRACE_RATIO="1", OTEL_BSP_SCHEDULE_DELAY="200")
    mesh.start()
    return mesh


def spans_of(collector: Collector, request_id: str, names: set[str]) -> dict[str, Span]:
    """Waits until these spans have come."""
    trace_id = uuid.UUID(request_id).bytes
    wait_until(f"spans of {request_id}", lambda: names <= collector.trace(trace_id).keys(), START_S)
    return collector.trace(trace_id)


def test_one_trace_from_the_auction_to_the_archive(traced: Mesh, collector: tuple[Collector, str]) -> None:
    mine = Advertiser.create(traced, budget_nanos=10 * CPA)
    mine.serve_soon(START_S)
    request = ads_pb.ServeAdRequest(user_id="anyone", city=mine.city)
    (ad,) = traced.ads.ServeAd(request, timeout=CALL_S, metadata=(TRACEPARENT,)).ads
    click = feedback_pb.SubmitFeedbackRequest(receipt=ad.receipt, action=CLICK)
    answer = traced.feedback.SubmitFeedback(click, timeout=CALL_S, metadata=(TRACEPARENT,))
    assert answer.request_id == ad.request_id

    spans = spans_of(collector[0], ad.request_id, NAMES)
    served, charged, published, archived = (
        spans[name] for name in ("ServeAd", "SubmitFeedback", "user-feedback publish", "user-feedback archive")
    )
    assert [span.process for span in (served, charged, published, archived)] == [
        *("adserver", "feedback-handler", "feedback-handler", "feedback-writer")
    ]
    assert served.parent_id == b""
    assert charged.parent_id == served.span_id
    assert published.parent_id == charged.span_id
    assert archived.parent_id == published.span_id
    assert served.links == charged.links == (bytes.fromhex(CALLER),)
    assert charged.attributes["adplatform.charged_nanos"] == CPC
    assert charged.attributes["adplatform.repeat"] is False
    assert archived.attributes["adplatform.file"] in traced.archive.files.list("user_feedback")
    assert not any(span.failed for span in spans.values())


def test_a_repeat_is_another_span_and_no_other_charge(traced: Mesh, collector: tuple[Collector, str]) -> None:
    mine = Advertiser.create(traced, budget_nanos=10 * CPA)
    ad = mine.serve_soon(START_S)
    for _ in range(2):
        mine.act(ad, CLICK)
    trace_id = uuid.UUID(ad.request_id).bytes

    def charges() -> list[Span]:
        return [s for s in list(collector[0].spans) if (s.trace_id, s.name) == (trace_id, "SubmitFeedback")]

    wait_until("both", lambda: len(charges()) == 2, START_S)
    assert sorted(span.attributes["adplatform.repeat"] for span in charges()) == [False, True]
    assert len({span.span_id for span in charges()}) == 2


def test_a_collector_that_is_away_stops_nothing(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", TRACE_RATIO="1", OTEL_BSP_SCHEDULE_DELAY="100")
    mesh.start("ad-manager", "feedback-handler", "adserver")
    mine = Advertiser.create(mesh, budget_nanos=10 * CPA)
    started = time.monotonic()
    for _ in range(20):
        mine.act(mine.serve_soon(START_S), CLICK)
    assert time.monotonic() - started < START_S
    assert mesh.stop("adserver").exit_code == mesh.stop("feedback-handler").exit_code == 0
