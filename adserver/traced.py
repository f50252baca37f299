"""Spans of auctions. Loaded only where they are sent somewhere."""

import time
from collections.abc import AsyncIterator
from typing import Any

from opentelemetry.trace import SpanKind

from adserver.servicer import AdServerServicer
from marketplace.runtime.tracing import Tracer
from marketplace.trace import Place


class TracedServicer(AdServerServicer):
    """An ad server that records the span with which the trace of each ad begins."""

    def __init__(self, tracer: Tracer, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tracer = tracer

    async def ServeAd(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Holds one auction."""
        started_ns = time.time_ns()
        response = await super().ServeAd(request, context)
        self._record("ServeAd", response, started_ns)
        return response

    async def StreamAds(  # noqa: N802
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        """Holds an auction for each request as it comes."""
        came_ns: dict[int, int] = {}

        async def noted() -> AsyncIterator[Any]:
            async for message in request_iterator:
                came_ns[message.sequence] = time.time_ns()
                yield message

        async for answer in super().StreamAds(noted(), context):
            started_ns = came_ns.pop(answer.sequence, None) or time.time_ns()
            self._record("StreamAds", answer.response, started_ns)
            yield answer

    def _record(self, name: str, response: Any, started_ns: int) -> None:
        for ad in response.ads:
            if self._tracer.traces(ad.request_id):
                place = Place.of_serve(ad.request_id)
                about = {"campaign_id": ad.campaign_id}
                self._tracer.record(name, SpanKind.SERVER, place, started_ns, time.time_ns(), about)
