"""Follows a topic from near its end, for figures that are shown and never billed."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from uuid import uuid4

import structlog

from marketplace.clock import Clock
from marketplace.errors import FailedPrecondition, Unavailable
from marketplace.ports import Bounds, Log, Record

_MAX_RECORDS: Final = 2_000
_POLL_S: Final = 0.5
_PAUSE_S: Final = 1.0

log = structlog.get_logger()


class Follower:
    """Reads a topic's last `backlog` messages of each partition, and what comes after them.

    A group of its own that keeps no position: after a restart the end is read again. `take` gets the records;
    `begin` gets the instant from which on everything was seen.
    """

    def __init__(
        self,
        topics: Log,
        topic: str,
        backlog: int,
        take: Callable[[Sequence[Record]], None],
        begin: Callable[[int], None],
        clock: Clock,
    ) -> None:
        self._topics = topics
        self._topic = topic
        self._backlog = backlog
        self._take = take
        self._begin = begin
        self._clock = clock
        self._positions: dict[int, int] = {}
        self._whole = False

    def run(self, stop: threading.Event) -> None:
        """Follows until `stop` is set; a log that is away is tried again."""
        while not stop.is_set():
            try:
                self._follow(stop)
            except (Unavailable, FailedPrecondition) as problem:
                log.warning("cannot follow now", topic=self._topic, cause=repr(problem.__cause__ or problem)[:200])
                if isinstance(problem, FailedPrecondition):
                    self._positions.clear()  # the topic was emptied or made anew
                stop.wait(_PAUSE_S)

    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        """Answers where to read on: where it stopped, or the backlog before the end."""
        self._whole = all(bounds.end - self._backlog <= bounds.start for bounds in partitions.values())
        return {
            number: self._positions.get(number, max(bounds.start, bounds.end - self._backlog))
            for number, bounds in partitions.items()
        }

    def revoked(self, partitions: Iterable[int]) -> None:
        """Does nothing: positions are kept."""

    def _follow(self, stop: threading.Event) -> None:
        consumer = self._topics.consumer(self._topic, f"reporting-{uuid4().hex[:12]}", self)
        try:
            records = consumer.poll(_MAX_RECORDS, _POLL_S)
            # Of a topic that is read whole, the time before its first message was seen too: nothing happened in it.
            self._begin(0 if self._whole else records[0].time_us if records else self._clock())
            while not stop.is_set():
                if records:
                    self._take(records)
                    self._positions |= {record.partition: record.offset + 1 for record in records}
                records = consumer.poll(_MAX_RECORDS, _POLL_S)
        finally:
            consumer.close()
