"""The loop that reads the command topic and applies it."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from admanager.apply import StalePosition, apply_batch
from admanager.lifecycle import Outcome, Rules
from admanager.ports import CommandStore
from marketplace.clock import Clock
from marketplace.errors import Unavailable
from marketplace.ports import COMMANDS, Bounds, Consumer, Log, Record
from marketplace.runtime.store.transactions import retrying

GROUP: Final = "ad-manager"
BATCH: Final = 500
_POLL_S: Final = 0.5
_PAUSE_S: Final = 1.0

log = structlog.get_logger()


class TopicLost(Exception):
    """The topic holds less than this store has applied: it was emptied or made anew."""


class CommandConsumer:
    """One member of the group of ad managers. Positions live in the store, beside the effects.

    Exactly once: effect, outcome and position are one transaction, which first compares the stored position with the
    one that its batch was read from.
    """

    def __init__(self, topics: Log, store: CommandStore, clock: Clock, rules: Rules) -> None:
        self._topics = topics
        self._store = store
        self._clock = clock
        self._rules = rules
        self._positions: dict[int, int] = {}
        self.outcomes: Counter[Outcome] = Counter()

    @property
    def positions(self) -> Mapping[int, int]:
        """Returns the next offset to apply of each partition that is its own."""
        return dict(self._positions)

    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        """See `ports.Assignment`. What the group committed does not count: the store knows."""
        positions = self._store.positions(COMMANDS, {number: bounds.start for number, bounds in partitions.items()})
        for number, bounds in partitions.items():
            if bounds.end < positions[number]:  # another member may have applied more since the bounds were read
                bounds = self._topics.bounds(COMMANDS)[number]
            if not bounds.start <= positions[number] <= bounds.end:
                raise TopicLost(
                    f"{COMMANDS}[{number}] holds offsets {bounds.start} to {bounds.end}, but commands up to "
                    f"{positions[number]} have been applied: was the topic emptied or made anew?"
                )
        self._positions.update(positions)
        return positions

    def revoked(self, partitions: Iterable[int]) -> None:
        """See `ports.Assignment`. Nothing is held back between polls."""
        for partition in partitions:
            self._positions.pop(partition, None)

    def run(self, stop: threading.Event) -> None:
        """Applies commands until `stop` is set."""
        consumer = self._topics.consumer(COMMANDS, GROUP, self)
        try:
            while not stop.is_set():
                self.step(consumer, stop)
        finally:
            consumer.close()

    def step(self, consumer: Consumer, stop: threading.Event) -> None:
        """Polls once and applies what came; on a dependency that is away waits a moment and reads again."""
        try:
            by_partition: dict[int, list[Record]] = {}
            for record in consumer.poll(BATCH, _POLL_S):
                by_partition.setdefault(record.partition, []).append(record)
            for partition, records in by_partition.items():
                self._apply(consumer, partition, records)
        except Unavailable as problem:
            log.warning("cannot apply commands now", cause=repr(problem.__cause__)[:200])
            for partition, position in self._positions.items():
                consumer.seek(partition, position)
            stop.wait(_PAUSE_S)

    def _apply(self, consumer: Consumer, partition: int, records: list[Record]) -> None:
        start = self._positions[partition]
        try:
            self.outcomes += retrying(lambda: apply_batch(self._store, records, start, self._clock(), self._rules))
        except StalePosition as stale:
            log.info("batch dropped, read again", partition=partition, start=start, position=stale.position)
            self._positions[partition] = stale.position
            consumer.seek(partition, stale.position)
            return
        self._positions[partition] = records[-1].offset + 1
        consumer.commit({partition: self._positions[partition]})
