"""FeedbackHandler over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from adplatform.v1 import feedback_handler_pb2 as pb
from adplatform.v1 import feedback_handler_pb2_grpc as pb_grpc

from feedback.charger import Claim
from feedback.queue import ChargeQueue
from feedback.receipts import ReceiptReader
from marketplace.errors import InvalidArgument
from marketplace.feedback import Action
from marketplace.receipt import MAX_RECEIPT_BYTES
from marketplace.runtime.rpc_errors import status_of
from marketplace.runtime.streams import answer_stream

_ACTIONS: Final = {action.value: action for action in Action}


class FeedbackHandlerServicer(pb_grpc.FeedbackHandlerServicer):
    """See protos/adplatform/v1/feedback_handler.proto."""

    def __init__(self, receipts: ReceiptReader, queue: ChargeQueue, draining: asyncio.Event) -> None:
        self._receipts = receipts
        self._queue = queue
        self._draining = draining

    async def SubmitFeedback(self, request: pb.SubmitFeedbackRequest, context: Any) -> pb.SubmitFeedbackResponse:  # noqa: N802
        """Answers after the commit."""
        return await self._submit(request)

    def StreamFeedback(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.StreamFeedbackRequest], context: Any
    ) -> AsyncIterator[pb.StreamFeedbackResponse]:
        """Answers each feedback after its commit, in whatever order the commits come."""
        return answer_stream(request_iterator, self._one_of_many, self._draining)

    async def _one_of_many(self, message: pb.StreamFeedbackRequest) -> pb.StreamFeedbackResponse:
        try:
            return pb.StreamFeedbackResponse(sequence=message.sequence, response=await self._submit(message.request))
        except Exception as error:
            return pb.StreamFeedbackResponse(sequence=message.sequence, error=status_of(error))

    async def _submit(self, request: pb.SubmitFeedbackRequest) -> pb.SubmitFeedbackResponse:
        self._queue.check_room()  # first, because opening a receipt is most of what a refusal would cost
        if not request.receipt:
            raise InvalidArgument("is missing", "receipt")
        if len(request.receipt) > MAX_RECEIPT_BYTES:
            raise InvalidArgument(f"is longer than {MAX_RECEIPT_BYTES:,} bytes", "receipt")
        action = _ACTIONS.get(request.action)
        if action is None:
            raise InvalidArgument("is none of VIEW, CLICK, ACQUISITION", "action")
        answer = await self._queue.charge(Claim(self._receipts.read(request.receipt), action))
        return pb.SubmitFeedbackResponse(
            request_id=answer.request_id, repeat=answer.repeat, charged_nanos=answer.charged_nanos
        )
