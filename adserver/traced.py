"""Spans of auctions. Loaded only where they are sent somewhere."""

import time
from typing import Any

from opentelemetry.trace import SpanKind

from adserver.serve import ServedAdvert
from adserver.servicer import AdServerServicer
from marketplace.runtime.tracing import Tracer
from marketplace.trace import Place


class TracedServicer(AdServerServicer):
    """An ad server that records the span with which the trace of each ad begins."""

    def __init__(self, tracer: Tracer, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tracer = tracer

    def _served(self, request: Any) -> list[ServedAdvert]:
        started_ns = time.time_ns()
        served = super()._served(request)
        for request_id, ad, _ in served:
            if self._tracer.traces(request_id):
                place = Place.of_serve(request_id)
                about = {"campaign_id": ad.campaign_id}
                self._tracer.record("ServeAd", SpanKind.SERVER, place, started_ns, time.time_ns(), about)
        return served
