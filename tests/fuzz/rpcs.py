"""The services behind their generated codecs, error interceptor and guard, in this process, without a socket."""

import asyncio
import threading
import uuid
from collections.abc import Sequence
from contextvars import copy_context
from datetime import UTC
from types import SimpleNamespace
from typing import Any, Final

import grpc
from adplatform.v1.ad_server_pb2 import StreamAdsResponse
from adplatform.v1.ad_server_pb2_grpc import add_AdServerServicer_to_server
from adplatform.v1.campaign_manager_pb2_grpc import add_CampaignManagerServicer_to_server
from adplatform.v1.feedback_handler_pb2 import StreamFeedbackBatchesResponse, StreamFeedbackResponse
from adplatform.v1.feedback_handler_pb2_grpc import add_FeedbackHandlerServicer_to_server
from adplatform.v1.reporting_pb2_grpc import add_ReportingServicer_to_server
from callers import TOKENS, Call, Ended, Tokens
from installation import CAMPAIGNS, DAY_US, NOW_US, RING, Store, clock

from admanager.servicer import CampaignManagerServicer
from admanager.submit import Submitter
from adserver.index import Index
from adserver.records import ServeRecords
from adserver.serve import AdService
from adserver.servicer import AdServerServicer
from feedback.charger import ChargeRules
from feedback.queue import ChargeQueue
from feedback.receipts import ReceiptReader
from feedback.servicer import FeedbackHandlerServicer
from marketplace.permissions import Role
from marketplace.runtime.access import AccessControl
from marketplace.runtime.calls import Calls
from marketplace.runtime.methods import Methods
from marketplace.runtime.token_directory import TokenDirectory
from marketplace.slots import SlotGrid
from reporting.service.servicer import ReportingServicer, Sources

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class Rpcs:
    """Takes calls as bytes and tells how they end. To be used as a context: it has an event loop and a thread."""

    def __init__(self, reported: Sources) -> None:
        self.store = Store()
        self._reported = reported
        self._stop = threading.Event()
        self._runner = asyncio.Runner()
        guard = AccessControl(TokenDirectory(Tokens(), clock, rate=0), rate=0)
        self._methods = Methods(Calls(), guard)

    def __enter__(self) -> "Rpcs":
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._charging.join()
        self._reporting.close()
        self._runner.close()

    def call(self, method: str, *requests: bytes, role: Role = Role.OPERATOR) -> list[grpc.StatusCode]:
        """Makes a call, or sends requests on a stream; returns how each message and the call itself ended.

        Raises what gRPC would have answered with UNKNOWN, or what would have ended its connection.
        """
        return self.call_as([("authorization", f"Bearer {TOKENS[role]}")], (), method, *requests)

    def call_as(
        self,
        metadata: Sequence[tuple[str, str | bytes]],
        identities: Sequence[bytes],
        method: str,
        *requests: bytes,
    ) -> list[grpc.StatusCode]:
        """Makes a call as `call` does, with this metadata, on a connection whose certificate names these identities."""
        call = self._call(f"/adplatform.v1.{method}", requests, Call(metadata, identities))
        return self._runner.run(call, context=copy_context())

    async def _open(self) -> None:
        store: Any = self.store
        server: Any = self._methods
        index = Index()
        index.apply(CAMPAIGNS.values(), NOW_US)
        service = AdService(RING, ServeRecords(store, 10), clock, lambda: uuid.UUID(int=2).bytes, lambda: 0.5)
        service.index = index
        queue = ChargeQueue(store, clock, ChargeRules(SlotGrid(), DAY_US), batch_size=8, capacity=100)
        self._charging = threading.Thread(target=queue.run, args=(self._stop,))
        self._charging.start()
        reader = ReceiptReader(lambda: RING, clock, DAY_US)
        add_AdServerServicer_to_server(AdServerServicer(service, asyncio.Event(), 1), server)
        add_FeedbackHandlerServicer_to_server(FeedbackHandlerServicer(reader, queue, asyncio.Event()), server)
        submitter = Submitter(store, store, clock)
        add_CampaignManagerServicer_to_server(CampaignManagerServicer(store, submitter, UTC, clock), server)
        self._reporting = ReportingServicer(self._reported)
        add_ReportingServicer_to_server(self._reporting, server)

    async def _call(self, method: str, requests: Sequence[bytes], call: Call) -> list[grpc.StatusCode]:
        details: Any = SimpleNamespace(method=method, invocation_metadata=call.invocation_metadata())
        handler = self._methods.service(details)
        assert handler
        ends: list[grpc.StatusCode] = []
        try:
            if handler.unary_unary:
                response = await handler.unary_unary(handler.request_deserializer(requests[0]), call)
                handler.response_serializer(response)
                ends.append(grpc.StatusCode.OK)
            else:
                call.sent = [handler.request_deserializer(request) for request in requests]
                try:
                    await handler.stream_stream(None, call)
                finally:
                    written = [handler.response_serializer(response) for response in call.written]
                    ends += [_CODES[answer.error.code] for message in written for answer in _answers(method, message)]
        except Ended as ended:
            ends.append(ended.code)
        return ends


def _answers(method: str, message: bytes) -> Sequence[Any]:
    match method.rpartition("/")[2]:
        case "StreamAds":
            return [StreamAdsResponse.FromString(message)]
        case "StreamFeedback":
            return [StreamFeedbackResponse.FromString(message)]
    return StreamFeedbackBatchesResponse.FromString(message).responses
