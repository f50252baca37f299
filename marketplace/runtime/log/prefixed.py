"""Several installations on one log: topics and groups under a prefix."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from marketplace.ports import Assignment, Bounds, Consumer, Log, Message, Publisher, Record


class PrefixedLog:
    """A `ports.Log` on another, all of whose topics and groups have names that begin with the prefix.

    The other's `create_topics` must create the prefixed names.
    """

    def __init__(self, log: Log, prefix: str) -> None:
        self._log = log
        self._prefix = prefix

    def create_topics(self) -> None:
        """See `ports.Log`."""
        self._log.create_topics()

    def publisher(self) -> Publisher:
        """See `ports.Log`."""
        return _PrefixedPublisher(self._log.publisher(), self._prefix)

    def consumer(self, topic: str, group: str, assignment: Assignment) -> Consumer:
        """See `ports.Log`."""
        return _PrefixedConsumer(self._log.consumer(self._prefix + topic, self._prefix + group, assignment), topic)

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """See `ports.Log`."""
        return self._log.bounds(self._prefix + topic)

    def read(self, topic: str, partition: int, bounds: Bounds) -> Iterator[Record]:
        """See `ports.Log`."""
        for record in self._log.read(self._prefix + topic, partition, bounds):
            yield replace(record, topic=topic)

    def close(self) -> None:
        """See `ports.Log`."""
        self._log.close()


class _PrefixedPublisher:
    def __init__(self, publisher: Publisher, prefix: str) -> None:
        self._publisher = publisher
        self._prefix = prefix
        self.close = publisher.close

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self._publisher.publish(self._prefix + topic, messages)


class _PrefixedConsumer:
    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self.seek = consumer.seek
        self.close = consumer.close

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        return [replace(record, topic=self._topic) for record in self._consumer.poll(max_records, timeout_s)]

    def commit(self, positions: Mapping[int, int]) -> None:
        self._consumer.commit(positions)
