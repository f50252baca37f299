"""A real gRPC server: ad server and feedback handler that keep everything in memory and misbehave on demand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from adplatform.v1 import ad_server_pb2, ad_server_pb2_grpc, feedback_handler_pb2, feedback_handler_pb2_grpc
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

SERVICES = ("", "adplatform.v1.AdServer", "adplatform.v1.FeedbackHandler")
PRICES = {1: 0, 2: 700, 3: 9_000}
SILENT = Status(code=-1)
"""As a verdict: the request gets no answer at all."""

Verdict = Callable[[int], Status | None]
"""From how many requests came before (of the same method) to what is wrong with this one."""


async def until(true: Callable[[], bool]) -> None:
    """Waits until something is so, at most 30 seconds."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110  # another program makes it so
            await asyncio.sleep(0.005)


class ToyMesh(ad_server_pb2_grpc.AdServerServicer, feedback_handler_pb2_grpc.FeedbackHandlerServicer):
    """Serves what it is asked; `ledger` holds what was charged by receipt and action."""

    def __init__(self) -> None:
        self.requests: list[ad_server_pb2.ServeAdRequest] = []
        self.feedbacks: list[tuple[bytes, int]] = []
        self.ledger: dict[tuple[bytes, int], int] = {}
        self.streams: Counter[str] = Counter()
        self.ads_verdict: Verdict = lambda number: None
        self.feedback_verdict: Verdict = lambda number: None
        self.ads_per_stream = 10**9
        self.ads_at_most = 10
        self.delay_s = 0.0

    async def StreamAds(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.streams["ads"] += 1
        answers = 0
        async for message in request_iterator:
            self.requests.append(message.request)
            number = len(self.requests) - 1
            wrong = self.ads_verdict(number)
            await asyncio.sleep(self.delay_s)
            response = ad_server_pb2.StreamAdsResponse(sequence=message.sequence)
            if wrong is not None:
                response.error.CopyFrom(wrong)
            else:
                count = min(message.request.ad_count, self.ads_at_most)
                ads = [ad_server_pb2.Ad(receipt=b"%d/%d" % (number, place)) for place in range(count)]
                response.response.CopyFrom(ad_server_pb2.ServeAdResponse(ads=ads))
            if wrong is not SILENT:
                yield response
                answers += 1
            if answers == self.ads_per_stream:
                return

    async def StreamFeedback(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.streams["feedback"] += 1
        async for message in request_iterator:
            request = message.request
            key = (request.receipt, request.action)
            self.feedbacks.append(key)
            wrong = self.feedback_verdict(len(self.feedbacks) - 1)
            response = feedback_handler_pb2.StreamFeedbackResponse(sequence=message.sequence)
            if wrong is not None:
                response.error.CopyFrom(wrong)
            else:
                response.response.repeat = key in self.ledger
                charged = max(0, PRICES[request.action] - sum(self._charges(request.receipt)))
                response.response.charged_nanos = self.ledger.setdefault(key, charged)
            if wrong is not SILENT:
                yield response

    def _charges(self, receipt: bytes) -> list[int]:
        return [charged for (of, _), charged in self.ledger.items() if of == receipt]

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[tuple[grpc.aio.Server, int]]:
        """Serves until the body ends; yields the server and its port."""
        server = grpc.aio.server()
        ad_server_pb2_grpc.add_AdServerServicer_to_server(self, server)
        feedback_handler_pb2_grpc.add_FeedbackHandlerServicer_to_server(self, server)
        checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        for name in SERVICES:
            await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
        port = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        try:
            yield server, port
        finally:
            await server.stop(None)
