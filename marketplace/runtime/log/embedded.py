"""The embedded log: topics as tables in one SQLite file, for many processes on one machine."""

import itertools
import sqlite3
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from marketplace.ports import Assignment, Bounds, Message, Record
from marketplace.runtime.log import embedded_tables as tables
from marketplace.runtime.log.sqlite_file import SqliteFile
from marketplace.runtime.log.topics import TopicSettings, check_position, check_sizes

_IDLE_S: Final = 0.025  # how often an idle consumer looks whether the file has changed
_READ_CHUNK: Final = 1000


def wall_clock_us() -> int:
    """Returns the time in microseconds since the epoch."""
    return time.time_ns() // 1000


class EmbeddedLog:
    """A `ports.Log` in one SQLite file. A file that stays locked for `timeout_s` seconds raises Unavailable."""

    def __init__(
        self,
        path: Path,
        topics: Sequence[TopicSettings],
        timeout_s: float,
        now_us: Callable[[], int] = wall_clock_us,
    ) -> None:
        self._topics, self._now_us = topics, now_us
        self._open_file = partial(SqliteFile, path, timeout_s)
        self._file = self._open_file()

    def create_topics(self) -> None:
        """Creates the tables and the topics that are missing; a topic that exists keeps its partitions."""
        self._file.write(partial(tables.create, topics=self._topics))

    def publisher(self) -> "EmbeddedPublisher":
        """Opens a publisher with a connection of its own."""
        retention_us = {topic.name: topic.retention_s * 1_000_000 for topic in self._topics if topic.retention_s}
        return EmbeddedPublisher(self._open_file(), retention_us, self._now_us)

    def consumer(self, topic: str, group: str, assignment: Assignment) -> "EmbeddedConsumer":
        """Opens a consumer with a connection of its own."""
        return EmbeddedConsumer(self._open_file(), topic, group, assignment)

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """Returns each partition's bounds."""
        partitions = self._file.read(partial(tables.partitions_of, topic=topic))
        return {number: partition.held for number, partition in partitions.items()}

    def read(self, topic: str, partition: int, bounds: Bounds) -> Iterator[Record]:
        """Reads a range; raises FailedPrecondition where the log does not hold it."""
        check_position(topic, partition, bounds.end, self.bounds(topic)[partition])
        position = bounds.start
        while position < bounds.end:
            limit = min(_READ_CHUNK, bounds.end - position)
            records = self._file.read(partial(tables.fetch, topic=topic, positions={partition: position}, limit=limit))
            yield from records
            position += len(records)

    def close(self) -> None:
        """Closes the log's own connection; publishers and consumers are closed by who opened them."""
        self._file.close()


class EmbeddedPublisher:
    """A `ports.Publisher`: each call is one transaction, so its messages become visible together or not at all."""

    def __init__(self, file: SqliteFile, retention_us: Mapping[str, int], now_us: Callable[[], int]) -> None:
        self._file, self._retention_us, self._now_us = file, retention_us, now_us
        self._calls = itertools.count()

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Appends the messages; those without a key go to each partition in turn, one call to one partition."""
        check_sizes(messages)
        if messages:
            self._file.write(partial(self._append, topic=topic, messages=messages, call=next(self._calls)))

    def close(self) -> None:
        """Closes the connection; there is nothing to flush."""
        self._file.close()

    def _append(self, connection: sqlite3.Connection, topic: str, messages: Sequence[Message], call: int) -> None:
        partitions = tables.partitions_of(connection, topic)
        batches: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            number = call if message.key is None else zlib.crc32(message.key)
            batches[number % len(partitions)].append(message)
        now_us = self._now_us()  # asked inside the lock, so that times follow the order of the transactions
        for number, batch in batches.items():
            tables.append(connection, partitions[number], batch, now_us)
            if topic in self._retention_us:
                tables.trim(connection, partitions[number], now_us - self._retention_us[topic])


class EmbeddedConsumer:
    """A `ports.Consumer` without a group protocol: every member is assigned every partition, at its first poll.

    Two members of a group are safe all the same, because the port makes whoever stores a position check it there: the
    member that comes second finds the position moved, drops its batch and reads again. They do the work twice.
    """

    def __init__(self, file: SqliteFile, topic: str, group: str, assignment: Assignment) -> None:
        self._file, self._topic, self._group, self._assignment = file, topic, group, assignment
        self._positions: dict[int, int] | None = None
        self._seen_version: int | None = None  # of the file, when there was nothing more to read

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Returns the next records; raises FailedPrecondition if the log does not hold the position to read from."""
        deadline = time.monotonic() + timeout_s
        positions = self._assigned()
        while True:
            version = self._file.version()
            if version != self._seen_version:
                fetch = partial(tables.fetch, topic=self._topic, positions=positions, limit=max_records)
                if records := self._file.read(fetch):
                    _advance(positions, records)
                    return records
                self._seen_version = version
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return []
            time.sleep(min(_IDLE_S, left_s))

    def seek(self, partition: int, offset: int) -> None:
        """Reads on from there."""
        self._assigned()[partition] = offset
        self._seen_version = None

    def commit(self, positions: Mapping[int, int]) -> None:
        """Keeps the next offset to read, per partition."""
        self._file.write(partial(tables.commit, group=self._group, topic=self._topic, positions=positions))

    def close(self) -> None:
        """Gives the partitions back and closes the connection."""
        positions, self._positions = self._positions, None
        if positions is not None:
            self._assignment.revoked(list(positions))
        self._file.close()

    def _assigned(self) -> dict[int, int]:
        if self._positions is None:
            partitions = self._file.read(partial(tables.partitions_of, topic=self._topic))
            committed = self._file.read(partial(tables.committed, group=self._group, topic=self._topic))
            bounds = {number: partition.held for number, partition in partitions.items()}
            self._positions = dict(self._assignment.assigned(bounds, committed))
        return self._positions


def _advance(positions: dict[int, int], records: Sequence[Record]) -> None:
    """Moves the positions behind the records, and the partition read last to the end of the line."""
    positions.update({record.partition: record.offset + 1 for record in records})
    last = records[-1].partition
    positions[last] = positions.pop(last)
