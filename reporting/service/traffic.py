"""The last hour of traffic, minute by minute, from what comes on the topics. Pure."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from marketplace.clock import US_PER_SECOND

MINUTES: Final = 60
MINUTE_US: Final = 60 * US_PER_SECOND


class Seen(NamedTuple):
    """What one message adds. Ads served and feedback come in messages of different topics."""

    time_us: int
    ads: int = 0
    views: int = 0
    clicks: int = 0
    acquisitions: int = 0
    charged_nanos: int = 0


@dataclass(slots=True)
class Minute:
    """Sums over one minute that began at `start_us`; `seconds` of it were seen."""

    start_us: int
    ads: int = 0
    views: int = 0
    clicks: int = 0
    acquisitions: int = 0
    charged_nanos: int = 0
    seconds: int = 0


class Traffic:
    """Sums by minute; written by the followers of the topics, read by calls."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}
        self._since_us: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, topic: str, since_us: int) -> None:
        """Notes from when on a topic is seen; an earlier instant than the one noted counts for nothing."""
        with self._lock:
            self._since_us.setdefault(topic, since_us)

    def add(self, messages: Iterable[Seen]) -> None:
        """Adds messages in any order."""
        with self._lock:
            for seen in messages:
                number = seen.time_us // MINUTE_US
                minute = self._minutes.get(number)
                if minute is None:
                    minute = self._minutes[number] = Minute(number * MINUTE_US)
                minute.ads += seen.ads
                minute.views += seen.views
                minute.clicks += seen.clicks
                minute.acquisitions += seen.acquisitions
                minute.charged_nanos += seen.charged_nanos
            if len(self._minutes) > 2 * MINUTES:
                for number in sorted(self._minutes)[:-MINUTES]:
                    del self._minutes[number]

    def hour(self, now_us: int) -> list[Minute]:
        """Returns the last sixty minutes, the oldest first; the last one is going on."""
        current = now_us // MINUTE_US
        with self._lock:
            since_us = max(self._since_us.values(), default=now_us)
            minutes = []
            for number in range(current - MINUTES + 1, current + 1):
                start_us = number * MINUTE_US
                found = self._minutes.get(number, Minute(start_us))
                seen_us = min(start_us + MINUTE_US, now_us) - max(start_us, since_us)
                minutes.append(_copy(found, max(0, seen_us) // US_PER_SECOND))
        return minutes


def _copy(minute: Minute, seconds: int) -> Minute:
    return Minute(
        minute.start_us,
        minute.ads,
        minute.views,
        minute.clicks,
        minute.acquisitions,
        minute.charged_nanos,
        seconds,
    )
