"""Spans of archived messages. Loaded only where they are sent somewhere."""

import time
from collections.abc import Iterable, Sequence

from opentelemetry.trace import SpanKind

from marketplace.ports import Record
from marketplace.runtime.tracing import Tracer
from marketplace.trace import Place
from writer.landings import Landing, Prepared


class TracedLanding:
    """A landing that records a span for each message that came with its trace, from the topic to the published file."""

    def __init__(self, landing: Landing, tracer: Tracer) -> None:
        self.topic = landing.topic
        self._landing = landing
        self._tracer = tracer
        self._came: list[tuple[Place, int]] = []

    def refresh(self, names: Iterable[str]) -> None:
        """See `landings.Landing`."""
        self._landing.refresh(names)

    def prepare(self, records: Sequence[Record]) -> Prepared:
        """See `landings.Landing`."""
        prepared = self._landing.prepare(records)
        self._came = [
            (place, record.time_us)
            for record in records
            if record.headers and (place := Place.in_headers(record.headers))
        ]
        return prepared

    def landed(self, name: str, prepared: Prepared) -> None:
        """See `landings.Landing`."""
        self._landing.landed(name, prepared)
        ended_ns = time.time_ns()
        for place, time_us in self._came:
            about = {"file": name}
            self._tracer.record(
                f"{self.topic} archive", SpanKind.CONSUMER, place.below(), time_us * 1_000, ended_ns, about
            )
        self._came = []
