"""What operators watch: scrapes of the processes, and an OpenTelemetry collector that keeps every span."""

import threading
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from mesh import START_S, Mesh
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc
from prometheus_client.parser import text_string_to_metric_families

from stack.settled import wait_until

SCRAPE_S: Final = 3.0


class Scrape:
    """What one process told at one moment."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.families = {family.name + ("_total" if family.type == "counter" else "") for family in families}
        self._samples = [sample for family in families for sample in family.samples]

    @property
    def labels(self) -> set[str]:
        """Returns the names of all labels."""
        return {label for sample in self._samples for label in sample.labels}

    def of(self, name: str, **labels: str) -> list[float]:
        """Returns the values of all samples of a name that have these labels."""
        return [one.value for one in self._samples if one.name == name and labels.items() <= one.labels.items()]

    def sum(self, name: str, **labels: str) -> float:
        """Returns their sum; 0 where there are none."""
        return sum(self.of(name, **labels))


def scrape(mesh: Mesh, name: str) -> Scrape:
    """Scrapes a process."""
    with urllib.request.urlopen(f"http://{mesh.specs[name].metrics}/metrics", timeout=SCRAPE_S) as answer:
        return Scrape(answer.read().decode())


def await_figure(mesh: Mesh, process: str, wanted: float, name: str, **labels: str) -> None:
    """Waits until a process tells a sum: some are asked for every few seconds. Raises NotSettledError."""
    told: list[float] = []

    def agrees() -> bool:
        told[:] = scrape(mesh, process).of(name, **labels)
        return bool(told) and sum(told) == wanted

    try:
        wait_until(name, agrees, START_S)
    finally:
        assert told == [] or sum(told) == wanted, f"{name}{labels}: {told}, not {wanted}"


@dataclass(frozen=True)
class Span:
    """A span as the collector got it."""

    process: str
    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    attributes: Mapping[str, Any]
    links: tuple[bytes, ...]
    failed: bool


@dataclass
class Collector(pb_grpc.TraceServiceServicer):
    """Takes spans from every process."""

    spans: list[Span] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Keeps them."""
        with self._lock:
            for group in request.resource_spans:
                process = _values(group.resource.attributes)["service.name"]
                self.spans += [_span(process, span) for scope in group.scope_spans for span in scope.spans]
        return pb.ExportTraceServiceResponse()

    def trace(self, trace_id: bytes) -> dict[str, Span]:
        """Returns the spans of a trace by name."""
        with self._lock:
            return {span.name: span for span in self.spans if span.trace_id == trace_id}


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """Runs a collector; yields it and its endpoint."""
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    pb_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        server.stop(1).wait()


def _span(process: str, span: Any) -> Span:
    ids = span.trace_id, span.span_id, span.parent_span_id
    links = tuple(link.trace_id for link in span.links)
    return Span(process, span.name, *ids, _values(span.attributes), links, span.status.code == 2)


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
