"""Serve records on their way to topic `served-ads`: statistics, sent in batches in the background.

A full buffer drops the newest and counts them; a killed ad server loses its last 200 ms. No bill depends on them.
"""

import threading
from collections import deque
from typing import Final

import structlog

from marketplace.errors import Unavailable
from marketplace.ports import SERVED_ADS, Message, Publisher
from marketplace.wire import encode_served_batch

MAX_IN_MESSAGE: Final = 500
_MESSAGES_AT_A_TIME: Final = 20
_FLUSH_S: Final = 0.2
_PAUSE_S: Final = 1.0

log = structlog.get_logger()


class ServeRecords:
    """A bounded buffer between the auctions and the topic."""

    def __init__(self, publisher: Publisher, capacity: int) -> None:
        self._publisher = publisher
        self._capacity = capacity
        self._waiting: deque[bytes] = deque()
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Returns how many are not on the topic yet."""
        return len(self._waiting)

    def add(self, served: bytes) -> None:
        """Takes an encoded serve; never waits."""
        if len(self._waiting) < self._capacity:
            self._waiting.append(served)
        else:
            self.dropped += 1

    def run(self, stop: threading.Event) -> None:
        """Sends what waits five times a second until `stop` is set, then what is left."""
        while not stop.wait(_FLUSH_S):
            try:
                self._flush()
            except Unavailable as problem:
                log.warning("cannot send serve records now", waiting=len(self._waiting), cause=repr(problem.__cause__))
                stop.wait(_PAUSE_S)
        try:
            self._flush()
        except Unavailable:
            log.warning("serve records lost", records=len(self._waiting))
        self._publisher.close()

    def _flush(self) -> None:
        while count := min(len(self._waiting), MAX_IN_MESSAGE * _MESSAGES_AT_A_TIME):
            records = [self._waiting[place] for place in range(count)]
            messages = [
                Message(None, encode_served_batch(some))
                for some in (records[at : at + MAX_IN_MESSAGE] for at in range(0, count, MAX_IN_MESSAGE))
            ]
            self._publisher.publish(SERVED_ADS, messages)
            for _ in range(count):
                self._waiting.popleft()
