"""Sends what committed to the outbox on to its topic.

Own the free shards, read their oldest rows, send them, delete them after the broker's ack. Killed between sending and
deleting it sends them again: consumers drop by event_seq what they have seen.
"""

import threading
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import structlog

from marketplace.errors import Unavailable
from marketplace.ports import Message, Publisher
from marketplace.runtime.store.outbox import Outbox, OutboxRow

BATCH: Final = 1_000
_GATHER_S: Final = 0.05  # a sweep of few rows costs nearly as much as one of many
_PAUSE_S: Final = 1.0

log = structlog.get_logger()


class Relay:
    """Empties the outbox."""

    def __init__(self, outbox: Outbox, publisher: Publisher) -> None:
        self._outbox = outbox
        self._publisher = publisher

    def run(self, stop: threading.Event) -> None:
        """Relays until `stop` is set; then once more, so that nothing acknowledged waits for the next start."""
        while not stop.is_set():
            try:
                if self.sweep() < BATCH:
                    stop.wait(_GATHER_S)
            except Unavailable as problem:
                log.warning("cannot relay now", cause=repr(problem.__cause__)[:200])
                stop.wait(_PAUSE_S)
        try:
            while self.sweep():
                pass
        except Unavailable:
            log.warning("left rows in the outbox; they are sent at the next start")
        self._publisher.close()

    def sweep(self) -> int:
        """Sends the oldest rows of the shards that are free; returns how many."""
        with self._outbox.own() as owned:
            rows = owned.rows(BATCH) if owned.shards else []
            if rows:
                self._send(rows)
                owned.delete([row.id for row in rows])
            return len(rows)

    def _send(self, rows: Sequence[OutboxRow]) -> None:
        for topic, group in groupby(sorted(rows, key=_order), key=lambda row: row.topic):
            self._publisher.publish(topic, [Message(row.key, row.value) for row in group])


def _order(row: OutboxRow) -> tuple[str, str, int, int]:
    return row.topic, row.campaign_id, row.event_seq, row.id
