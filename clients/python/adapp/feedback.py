"""Telling what the user did."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Semaphore
from typing import Final, Self

import grpc
from adplatform.v1 import feedback_handler_pb2 as pb
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub

from adapp.refusal import refusal_of
from adapp.settings import Settings
from adapp.tally import Tally

AT_ONCE: Final = 16


class Actors:
    """Sends the feedback on several ads at once, that on one ad in order. Leaving waits for what is in flight."""

    def __init__(self, stub: FeedbackHandlerStub, settings: Settings, tally: Tally) -> None:
        self._stub = stub
        self._settings = settings
        self._tally = tally
        self._threads = ThreadPoolExecutor(AT_ONCE)
        self._room = Semaphore(AT_ONCE)
        self._acting: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._threads.shutdown()
        for acted in self._acting:
            acted.result()  # raises what it raised

    def act(self, request_id: str, receipt: bytes) -> None:
        """Sends the feedback on one ad in the background; waits while there is too much of that."""
        self._room.acquire()
        acting = self._threads.submit(self._act, request_id, receipt)
        acting.add_done_callback(lambda _: self._room.release())
        self._acting.append(acting)

    def _act(self, request_id: str, receipt: bytes) -> None:
        for action in self._settings.actions:
            if self._tally.stopped:
                return
            request = pb.SubmitFeedbackRequest(receipt=receipt, action=action)
            try:
                answer = self._stub.SubmitFeedback(request, timeout=self._settings.deadline_s)
            except grpc.RpcError as problem:
                name = pb.Action.Name(action).removeprefix("ACTION_")
                self._tally.refused(f"request_id={request_id} action={name}", refusal_of(problem))
                return
            self._tally.feedback(action, answer)
