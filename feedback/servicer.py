"""FeedbackHandler over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from adplatform.v1 import feedback_handler_pb2 as pb
from adplatform.v1 import feedback_handler_pb2_grpc as pb_grpc

from feedback.charger import Answer, Claim
from feedback.queue import ChargeQueue
from feedback.receipts import ReceiptReader
from marketplace.errors import InvalidArgument
from marketplace.feedback import Action
from marketplace.receipt import MAX_RECEIPT_BYTES
from marketplace.runtime.bursts import Bursts
from marketplace.runtime.streams import ONE_EACH, Packing, answer_later

_MOST_IN_MESSAGE: Final = 1_000
_BATCHES: Final = Packing(
    lambda message: message.requests,
    lambda answers: pb.StreamFeedbackBatchesResponse(responses=answers),
    _MOST_IN_MESSAGE,
    "requests",
)
_ACTIONS: Final = {action.value: action for action in Action}


class FeedbackHandlerServicer(pb_grpc.FeedbackHandlerServicer):
    """See protos/adplatform/v1/feedback_handler.proto."""

    def __init__(self, receipts: ReceiptReader, queue: ChargeQueue, draining: asyncio.Event) -> None:
        self._receipts = receipts
        self._queue = queue
        self._draining = draining
        self._bursts = Bursts()

    async def SubmitFeedback(self, request: pb.SubmitFeedbackRequest, context: Any) -> pb.SubmitFeedbackResponse:  # noqa: N802
        """Answers after the commit."""
        return _response(await self._queue.charge(self._claim(request)))

    async def StreamFeedback(  # type: ignore[override]  # noqa: N802  # it writes by its context
        self, request_iterator: AsyncIterator[pb.StreamFeedbackRequest], context: Any
    ) -> None:
        """Answers each feedback after its commit, in whatever order the commits come."""
        await self._answer(context, ONE_EACH)

    async def StreamFeedbackBatches(  # type: ignore[override]  # noqa: N802  # likewise
        self, request_iterator: AsyncIterator[pb.StreamFeedbackBatchesRequest], context: Any
    ) -> None:
        """Answers each feedback after its commit, together with others."""
        await self._answer(context, _BATCHES)

    async def _answer(self, context: Any, packing: Packing) -> None:
        await answer_later(
            context,
            self._begin,
            _streamed,
            pb.StreamFeedbackResponse,
            self._draining,
            self._bursts,
            packing=packing,
        )

    def _begin(self, message: pb.StreamFeedbackRequest) -> "asyncio.Future[Answer]":
        return self._queue.put(self._claim(message.request))

    def _claim(self, request: pb.SubmitFeedbackRequest) -> Claim:
        """Reads a request. Raises PlatformError."""
        self._queue.check_room()  # first, because opening a receipt is most of what a refusal would cost
        if not request.receipt:
            raise InvalidArgument("is missing", "receipt")
        if len(request.receipt) > MAX_RECEIPT_BYTES:
            raise InvalidArgument(f"is longer than {MAX_RECEIPT_BYTES:,} bytes", "receipt")
        action = _ACTIONS.get(request.action)
        if action is None:
            raise InvalidArgument("is none of VIEW, CLICK, ACQUISITION", "action")
        return Claim(self._receipts.read(request.receipt), action)


def _streamed(sequence: int, answer: Answer) -> pb.StreamFeedbackResponse:
    return pb.StreamFeedbackResponse(sequence=sequence, response=_response(answer))


def _response(answer: Answer) -> pb.SubmitFeedbackResponse:
    return pb.SubmitFeedbackResponse(
        request_id=answer.request_id, repeat=answer.repeat, charged_nanos=answer.charged_nanos
    )
