"""Prints what happens, a line each, and counts it."""

import sys
from collections.abc import Sequence
from threading import Lock

from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb

from adapp.refusal import Refusal, refusal_in


class Tally:
    """Safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers = self._ads = self._no_ads = self._feedbacks = 0
        self._charged: dict[tuple[str, feedback_pb.Action.ValueType], int] = {}  # a repeat is no second charge
        self.fails = 0
        self.stopped = False  # nothing more will be answered

    def answer(self, answer: ads_pb.StreamAdsResponse) -> Sequence[ads_pb.Ad]:
        """Tells of an answer of the ad server, and returns its ads."""
        if answer.HasField("error"):
            self.refused(f"sequence={answer.sequence}", refusal_in(answer.error))
            return ()
        ads = answer.response.ads
        with self._lock:
            self._answers += 1
            self._ads += len(ads)
            self._no_ads += not ads  # True is 1
        if not ads:
            reason = ads_pb.NoAdReason.Name(answer.response.no_ad_reason).removeprefix("NO_AD_REASON_")
            _say(f"no-ad sequence={answer.sequence} reason={reason}")
        for ad in ads:
            text = " ".join(ad.text.split())
            _say(f"ad sequence={answer.sequence} request_id={ad.request_id} campaign_id={ad.campaign_id} text={text}")
        return ads

    def feedback(self, action: feedback_pb.Action.ValueType, answer: feedback_pb.SubmitFeedbackResponse) -> None:
        """Tells of an answer of the feedback handler."""
        with self._lock:
            self._feedbacks += 1
            self._charged[answer.request_id, action] = answer.charged_nanos
        name = feedback_pb.Action.Name(action).removeprefix("ACTION_")
        repeat = str(answer.repeat).lower()
        _say(f"feedback request_id={answer.request_id} action={name} charged_nanos={answer.charged_nanos} {repeat=!s}")

    def refused(self, what: str, why: Refusal) -> None:
        """Tells of something that was not done."""
        with self._lock:
            self.fails += 1
            if why.then == "stop":
                self.stopped = True
        _say(f"refused {what} reason={why.reason} field={why.field} then={why.then}")

    def summary(self) -> None:
        """Tells the sums."""
        _say(
            f"summary answers={self._answers} ads={self._ads} no_ads={self._no_ads} feedback={self._feedbacks} "
            f"charged_nanos={sum(self._charged.values())} refused={self.fails}"
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
