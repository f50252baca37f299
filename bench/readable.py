"""How soon after its answer a feedback is readable in the archive: marked feedback, and someone who asks for it."""

import threading
import time
from random import Random
from typing import Final

import grpc
from adplatform.v1 import feedback_handler_pb2 as pb
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub

from bench.feedback_load import make_serve
from bench.place import Place
from marketplace.campaign import Campaign
from marketplace.runtime.archive.open import open_archive
from marketplace.wire import encode_serve

_EVERY_S: Final = 0.5
_POLL_S: Final = 0.2
_CALL_S: Final = 10.0
_LONGEST_S: Final = 60.0


class Probe:
    """One campaign, whose feedback is sent twice a second and looked for. As a context it does so beside other work.

    Its n-th answer is its event n: so the archive's events tell which answers are readable.
    """

    def __init__(self, place: Place, campaign: Campaign) -> None:
        self._place, self._campaign = place, campaign
        self._answered_s: list[float] = []
        self._readable_s: list[float] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._send, self._look)]

    def __enter__(self) -> "Probe":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def lags_s(self) -> list[float]:
        """Returns the times between answer and archive, sorted."""
        if not self._answered_s or len(self._readable_s) < len(self._answered_s):
            raise RuntimeError(f"{len(self._readable_s)} of {len(self._answered_s)} marked events are readable")
        return sorted(read - told for told, read in zip(self._answered_s, self._readable_s, strict=True))

    def _send(self) -> None:
        rng = Random(9)
        with grpc.insecure_channel(self._place.addresses["feedback-handler"]) as channel:
            stub = FeedbackHandlerStub(channel)
            while not self._over.wait(_EVERY_S):
                receipt = self._place.ring.seal(encode_serve(make_serve(rng, self._campaign)), time.time_ns() // 1_000)
                request = pb.SubmitFeedbackRequest(receipt=receipt, action=pb.ACTION_VIEW)
                stub.SubmitFeedback(request, timeout=_CALL_S)
                self._answered_s.append(time.monotonic())

    def _look(self) -> None:
        catalog = open_archive(self._place.environment["ARCHIVE_URL"]).catalog
        asked = f"SELECT event_seq FROM user_feedback WHERE campaign_id = '{self._campaign.campaign_id}'"  # noqa: S608
        deadline = time.monotonic() + _LONGEST_S
        while not self._over.is_set() or (
            len(self._readable_s) < len(self._answered_s) and time.monotonic() < deadline
        ):
            found = len(catalog.query(asked).rows)
            self._readable_s += [time.monotonic()] * (found - len(self._readable_s))
            if not self._over.is_set():
                deadline = time.monotonic() + _LONGEST_S
            time.sleep(_POLL_S)
        catalog.close()
