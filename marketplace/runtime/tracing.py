"""Traces by OpenTelemetry: a request's whole life under one id, from the auction to the archive.

Spans are recorded when they have ended, each in one call, and sent in the background. This module is imported only
where they are sent somewhere: who calls it has a `Tracer`, or does nothing.
"""

import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from marketplace.errors import PlatformError
from marketplace.trace import TRACEPARENT, Place, is_traced

_FLUSH_S: Final = 2.0
_W3C: Final = TraceContextTextMapPropagator()
_FLAGS: Final = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)

_caller: ContextVar[str | None] = ContextVar("caller", default=None)


class Tracer:
    """Records the spans of one process. What does not fit into its buffer while a collector is away is dropped."""

    def __init__(self, process: str, ratio: float, exporter: SpanExporter) -> None:
        """`ratio` is the share of requests that are traced."""
        self._ratio = ratio
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # what is recorded was chosen before
            resource=Resource.create({"service.name": process, "service.namespace": "adplatform"}),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("adplatform")

    def traces(self, request_id: str) -> bool:
        """Tells whether a request is traced; every process answers the same."""
        return is_traced(request_id, self._ratio)

    def record(
        self,
        name: str,
        kind: SpanKind,
        place: Place,
        started_ns: int,
        ended_ns: int,
        attributes: Mapping[str, str | int | bool],
        error: Exception | None = None,
    ) -> None:
        """Records a span that has ended; its attributes get the prefix `adplatform.`.

        A call that came with a `traceparent` of its own is linked to that.
        """
        self._ids.given = place.trace_id, place.span_id
        described: dict[str, str | int | bool] = {f"adplatform.{key}": value for key, value in attributes.items()}
        if error:
            described["error.type"] = type(error).__name__
        links = _links_to(_caller.get())
        span = self._tracer.start_span(name, _above(place), kind, described, links, min(started_ns, ended_ns))
        if error:
            span.set_status(Status(StatusCode.ERROR, str(error) if isinstance(error, PlatformError) else None))
        span.end(ended_ns)

    def close(self) -> None:
        """Sends what waits, for two seconds at most."""
        flush = threading.Thread(target=self._provider.shutdown, name="tracing-flush", daemon=True)
        flush.start()
        flush.join(_FLUSH_S)


def otlp_exporter(endpoint: str) -> SpanExporter:
    """Sends spans to an OpenTelemetry collector, `http://host:port` in clear or `https://host:port`."""
    return OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))


def note_caller(metadata: Any) -> None:
    """Keeps the `traceparent` that a call comes with, for the spans that it leads to."""
    _caller.set(next((value for name, value in metadata or () if name == TRACEPARENT), None))


def _above(place: Place) -> contexts.Context:
    """Returns the context of the span above a place; an empty one where there is none."""
    if place.parent_id is None:
        return contexts.Context()
    above = SpanContext(place.trace_id, place.parent_id, is_remote=True, trace_flags=_FLAGS)
    return trace.set_span_in_context(NonRecordingSpan(above), contexts.Context())


def _links_to(traceparent: str | None) -> Sequence[Link]:
    """Links to the caller's own span: its trace may span many of our requests, so it is no parent."""
    if not traceparent:
        return ()
    carrier = _W3C.extract({TRACEPARENT: traceparent}, contexts.Context())
    context = trace.get_current_span(carrier).get_span_context()
    return (Link(context),) if context.is_valid else ()


class _Ids(RandomIdGenerator, threading.local):
    """Gives the next span of this thread the ids that it was told."""

    given: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.given[0] if self.given else super().generate_trace_id()

    def generate_span_id(self) -> int:  # asked for last
        given, self.given = self.given, None
        return given[1] if given else super().generate_span_id()
