"""What is recorded of a request, as OpenTelemetry exports it."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from marketplace.errors import Unavailable
from marketplace.feedback import Action
from marketplace.runtime import tracing
from marketplace.runtime.tracing import Tracer
from marketplace.trace import Place

REQUEST = "0199f3a1-7c2e-7d41-b0c5-6f2e8a9d1234"
CALLER = "00-11111111111111111111111111111111-2222222222222222-01"


class Recorded:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer = Tracer("adserver", 1.0, self._exporter)

    def record(self, place: Place, error: Exception | None = None, started_ns: int = 1_000) -> ReadableSpan:
        """Records one span and returns it as it was exported."""
        self._exporter.clear()
        self.tracer.record("name", SpanKind.SERVER, place, started_ns, 2_000, {"action": "CLICK", "n": 1}, error)
        self.tracer._provider.force_flush()
        (span,) = self._exporter.get_finished_spans()
        return span


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")  # which requests are traced is not the library's choice
    found = Recorded()
    yield found
    found.tracer.close()


def test_the_first_span_has_the_ids_of_the_request_and_nothing_above_it(recorded: Recorded) -> None:
    place = Place.of_serve(REQUEST)
    span = recorded.record(place)
    assert span.context
    assert (span.context.trace_id, span.context.span_id) == (place.trace_id, place.span_id)
    assert span.parent is None
    assert (span.start_time, span.end_time) == (1_000, 2_000)
    assert dict(span.attributes or {}) == {"adplatform.action": "CLICK", "adplatform.n": 1}
    assert span.resource.attributes["service.name"] == "adserver"


def test_what_follows_lies_below_it(recorded: Recorded) -> None:
    place = Place.of_charge(REQUEST, Action.CLICK)
    span = recorded.record(place)
    assert span.context
    assert span.parent
    assert (span.context.trace_id, span.context.span_id) == (place.trace_id, place.span_id)
    assert span.parent.span_id == Place.of_serve(REQUEST).span_id


def test_a_failure_is_told(recorded: Recorded) -> None:
    span = recorded.record(Place.of_serve(REQUEST).below(), Unavailable("away"))
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "away")
    assert (span.attributes or {})["error.type"] == "Unavailable"


def test_a_failure_that_is_not_ours_says_nothing_of_itself(recorded: Recorded) -> None:
    span = recorded.record(Place.of_serve(REQUEST).below(), RuntimeError("SELECT secret"))
    assert "secret" not in span.to_json()


@pytest.mark.parametrize(("given", "links"), [(CALLER, 1), ("nonsense", 0), (None, 0)])
def test_the_callers_own_trace_is_linked(recorded: Recorded, given: str | None, links: int) -> None:
    token = tracing._caller.set(given)
    try:
        span = recorded.record(Place.of_serve(REQUEST))
    finally:
        tracing._caller.reset(token)
    assert len(span.links) == links
    assert span.parent is None
    if links:
        assert span.links[0].context.trace_id == int("1" * 32, 16)


def test_a_clock_that_was_set_back_does_not_end_a_span_before_it_began(recorded: Recorded) -> None:
    span = recorded.record(Place.of_serve(REQUEST), started_ns=5_000)
    assert (span.start_time, span.end_time) == (2_000, 2_000)
