"""What a run has seen, in bounded memory."""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from marketplace.feedback import Action
from simulator.behaviour import Step

_SHORTEST_S: Final = 1e-6
_STEP: Final = math.log(1.05)
_BUCKETS: Final = 425  # up to about 1,000 seconds


class Histogram:
    """Latencies in buckets that are 5 % wide, so a percentile is right within 2.5 %."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._total = 0

    def add(self, seconds: float) -> None:
        """Counts one latency."""
        bucket = int(math.log(max(seconds, _SHORTEST_S) / _SHORTEST_S) / _STEP)
        self._counts[min(bucket, _BUCKETS - 1)] += 1
        self._total += 1

    def percentile_ms(self, percent: float) -> float | None:
        """Returns the latency in milliseconds that `percent` of all do not exceed; None where there are none."""
        wanted = max(1, math.ceil(self._total * percent / 100))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return round(_SHORTEST_S * math.exp((bucket + 0.5) * _STEP) * 1000, 3)
        return None


class Stats:
    """Counts of one run. Money in nanos, instants in seconds since the epoch."""

    def __init__(self, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._clock = clock
        self._started = clock()
        self.in_flight = 0
        self.requests = 0
        self.answered = 0
        self.no_ads = 0
        self.serves = 0
        self.feedbacks = 0
        self.repeats = 0
        self.duplicates = 0
        self.charged_nanos = 0
        self.requests_failed = 0
        self.feedback_failed = 0
        self.first_ad_at: float | None = None
        self.actions: Counter[Action] = Counter()
        self.errors: Counter[str] = Counter()
        self.resent: Counter[str] = Counter()
        self.serve_latency = Histogram()
        self.feedback_latency = Histogram()

    def ads_came(self, count: int, seconds: float) -> None:
        """Counts an answer to a request for ads; `count` 0: there was none to show."""
        self.answered += 1
        self.serves += count
        self.no_ads += count == 0
        self.serve_latency.add(seconds)
        if count and self.first_ad_at is None:
            self.first_ad_at = self._wall()

    def feedback_came(self, repeat: bool, seconds: float) -> None:
        """Counts an answer to one copy of a feedback."""
        self.feedbacks += 1
        self.repeats += repeat
        self.feedback_latency.add(seconds)

    def step_done(self, step: Step, charged_nanos: int) -> None:
        """Counts a feedback once, however many copies of it were sent."""
        self.actions[step.action] += 1
        self.duplicates += step.copies > 1
        self.charged_nanos += charged_nanos

    def request_failed(self, reason: str) -> None:
        """Counts a request for ads that got no answer, or an error for one."""
        self.requests_failed += 1
        self.errors[reason] += 1

    def feedback_failed_for(self, reason: str) -> None:
        """Counts a copy of a feedback that got no answer, or an error for one."""
        self.feedback_failed += 1
        self.errors[reason] += 1

    @property
    def failed(self) -> int:
        """Returns how much of what was asked was not answered."""
        return self.requests_failed + self.feedback_failed

    @property
    def fill_rate(self) -> float:
        """Returns the share of answers that brought an ad."""
        return (self.answered - self.no_ads) / self.answered if self.answered else 0.0

    @property
    def duration_s(self) -> float:
        """Returns the seconds since the start."""
        return self._clock() - self._started

    def result(self) -> dict[str, Any]:
        """Returns everything as JSON takes it.

        `charged_nanos` is what the answers say was charged, each feedback once: when none failed, the ledger's sum.
        """
        duration_s = self.duration_s
        return {
            "requests": self.requests,
            "serves": self.serves,
            "no_ads": self.no_ads,
            "fill_rate": round(self.fill_rate, 4),
            "feedbacks": self.feedbacks,
            "repeats": self.repeats,
            "duplicates": self.duplicates,
            "views": self.actions[Action.VIEW],
            "clicks": self.actions[Action.CLICK],
            "acquisitions": self.actions[Action.ACQUISITION],
            "charged_nanos": self.charged_nanos,
            "failed": self.failed,
            "requests_failed": self.requests_failed,
            "feedback_failed": self.feedback_failed,
            "abandoned": self.in_flight,
            "errors": dict(self.errors),
            "resent": dict(self.resent),
            "ads_per_second": round(self.serves / duration_s, 1) if duration_s else 0.0,
            "serve_p50_ms": self.serve_latency.percentile_ms(50),
            "serve_p99_ms": self.serve_latency.percentile_ms(99),
            "feedback_p50_ms": self.feedback_latency.percentile_ms(50),
            "feedback_p99_ms": self.feedback_latency.percentile_ms(99),
            "first_ad_at": self.first_ad_at,
            "duration_s": round(duration_s, 3),
        }
