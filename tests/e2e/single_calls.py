"""A caller that submits one feedback after the other beside a load, tries none twice, and keeps what it was told."""

import statistics
import threading
import time
from collections.abc import Iterable
from typing import Final, Self

import grpc
from adplatform.v1 import feedback_handler_pb2 as pb
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from google.rpc import error_details_pb2
from grpc_status import rpc_status

_PAUSE_S: Final = 0.02
_CALL_S: Final = 10.0


class SingleCalls:
    """Calls SubmitFeedback in a thread as long as the context lasts, or until there are no more requests."""

    def __init__(self, address: str, requests: Iterable[bytes]) -> None:
        self._address = address
        self._requests = [pb.StreamFeedbackRequest.FromString(one).request for one in requests]
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._call, name="single calls", daemon=True)
        self.answered = 0
        self.refused_s: list[float] = []
        self.retry_s: list[float] = []
        self.others: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(2 * _CALL_S)
        assert not self._thread.is_alive()

    @property
    def median_refusal_s(self) -> float:
        """How long it took to be refused."""
        return statistics.median(self.refused_s)

    def _call(self) -> None:
        options = [("grpc.enable_retries", 0)]
        with grpc.insecure_channel(self._address, options) as channel:
            stub = FeedbackHandlerStub(channel)
            for request in self._requests:
                if self._leaving.wait(_PAUSE_S):
                    return
                began_s = time.monotonic()
                try:
                    stub.SubmitFeedback(request, timeout=_CALL_S)
                    self.answered += 1
                except grpc.RpcError as refusal:
                    self._note(refusal, time.monotonic() - began_s)

    def _note(self, refusal: grpc.RpcError, took_s: float) -> None:
        status = rpc_status.from_call(refusal)  # type: ignore[arg-type]
        retry = error_details_pb2.RetryInfo()
        if refusal.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or status is None:
            self.others.append(str(refusal))
        elif any(detail.Unpack(retry) for detail in status.details):
            self.refused_s.append(took_s)
            self.retry_s.append(retry.retry_delay.ToTimedelta().total_seconds())
        else:
            self.others.append("refused without RetryInfo")
