"""Apache Kafka as the log."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import TopicAlreadyExistsError, for_code

from marketplace.errors import Unavailable
from marketplace.ports import Assignment, Bounds, Record
from marketplace.runtime.log.kafka_client import KafkaAddress, answering, milliseconds, open_client
from marketplace.runtime.log.kafka_consumer import KafkaGroupConsumer, as_record
from marketplace.runtime.log.kafka_publisher import KafkaPublisher
from marketplace.runtime.log.topics import TopicSettings, check_position, no_answer

_SESSION_TIMEOUT_S: Final = 10.0  # how long the partitions of a killed member wait for another
_READ_CHUNK: Final = 1000
_SLICE_MS: Final = 200


class KafkaLog:
    """A `ports.Log`. Brokers that do not answer for `timeout_s` seconds raise Unavailable.

    Offsets are dense, because the platform writes without transactions; times are the brokers', to the millisecond.
    """

    def __init__(
        self,
        address: KafkaAddress,
        topics: Sequence[TopicSettings],
        timeout_s: float,
        session_timeout_s: float = _SESSION_TIMEOUT_S,
    ) -> None:
        self._address, self._topics = address, topics
        self._timeout_s, self._session_timeout_s = timeout_s, session_timeout_s

    def create_topics(self) -> None:
        """Creates the topics that are missing and waits until they have leaders; one that exists stays as it is."""
        names = [topic.name for topic in self._topics]
        with self._admin() as admin, answering():
            there = {topic["name"] for topic in admin.describe_topics(names) if topic["error_code"] == 0}
            missing = {topic.name: _creation(topic) for topic in self._topics if topic.name not in there}
            if missing:
                answer = admin.create_topics(missing, timeout_ms=self._half_ms, raise_errors=False)
                for topic in answer["topics"]:
                    error = for_code(topic["error_code"])
                    if topic["error_code"] and error is not TopicAlreadyExistsError:  # another process was faster
                        raise error(topic["error_message"])
            admin.wait_for_topics(names, timeout_ms=self._half_ms)

    def publisher(self) -> KafkaPublisher:
        """Opens a publisher; it connects when it first publishes."""
        return KafkaPublisher(self._address, self._timeout_s)

    def consumer(self, topic: str, group: str, assignment: Assignment) -> KafkaGroupConsumer:
        """Connects a member of a group; its first poll joins."""
        return KafkaGroupConsumer(self._address, topic, group, assignment, self._timeout_s, self._session_timeout_s)

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """Returns each partition's bounds."""
        with self._admin() as admin, answering():
            (described,) = admin.describe_topics([topic])
            if described["error_code"]:
                raise Unavailable(f"the log has no topic {topic} yet")
            places = [TopicPartition(topic, partition["partition_index"]) for partition in described["partitions"]]
            starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST), timeout_ms=self._half_ms)
            ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST), timeout_ms=self._half_ms)
        return {place.partition: Bounds(starts[place].offset, ends[place].offset) for place in sorted(places)}

    def read(self, topic: str, partition: int, bounds: Bounds) -> Iterator[Record]:
        """Reads a range; raises FailedPrecondition where the log does not hold it."""
        held = self.bounds(topic)[partition]
        check_position(topic, partition, bounds.start, held)
        check_position(topic, partition, bounds.end, held)
        if bounds.start >= bounds.end:
            return
        place = TopicPartition(topic, partition)
        consumer = open_client(
            KafkaConsumer,
            self._address,
            self._timeout_s,
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        try:
            consumer.assign([place])
            consumer.seek(place, bounds.start)
            yield from self._read_to(consumer, place, bounds.end)
        finally:
            consumer.close()

    def close(self) -> None:
        """Holds nothing open; publishers and consumers are closed by who opened them."""

    def _read_to(self, consumer: Any, place: TopicPartition, end: int) -> Iterator[Record]:
        quiet_until = time.monotonic() + self._timeout_s
        position = -1
        while position < end:
            with answering():
                fetched = consumer.poll(_SLICE_MS, _READ_CHUNK).get(place, [])
                position = consumer.position(place, timeout_ms=self._half_ms)
            if fetched:
                yield from (as_record(record) for record in fetched if record.offset < end)
                quiet_until = time.monotonic() + self._timeout_s
            elif time.monotonic() > quiet_until:
                raise no_answer(TimeoutError(f"nothing came of {place}"))

    def _admin(self) -> Any:
        return open_client(KafkaAdminClient, self._address, self._timeout_s / 2, request_timeout_ms=self._half_ms)

    @property
    def _half_ms(self) -> int:
        return milliseconds(self._timeout_s / 2)


def _creation(topic: TopicSettings) -> dict[str, Any]:
    configs = {
        "message.timestamp.type": "LogAppendTime",  # the log's own clock
        "retention.ms": str(-1 if topic.retention_s is None else topic.retention_s * 1000),
        "retention.bytes": "-1",
        "min.insync.replicas": str(max(1, topic.replication - 1)),
    }
    return {"num_partitions": topic.partitions, "replication_factor": topic.replication, "configs": configs}
