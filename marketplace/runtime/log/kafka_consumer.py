"""Reads a topic of Kafka as a member of a group."""

import time
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, Final

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import CommitFailedError, RebalanceInProgressError, StaleMetadata
from kafka.structs import OffsetAndMetadata

from marketplace.ports import Assignment, Bounds, Record
from marketplace.runtime.log.kafka_client import KafkaAddress, answering, milliseconds, open_client

_LOG: Final = structlog.get_logger(__name__)
_SLICE_S: Final = 0.1  # the longest that a new assignment waits to be taken up
_PROBE_S: Final = 2.0
_MAX_POLL_INTERVAL_S: Final = 120  # a member that works on one batch for longer loses its partitions
_METADATA_AGE_MS: Final = 30_000  # partitions that were added are given out after so long at most
_FETCH_BYTES: Final = 16 * 1024 * 1024


class KafkaGroupConsumer:
    """A `ports.Consumer` on the classic group protocol; it is not for several threads at once.

    `Assignment` is called by `poll` and `close` in the caller's thread. Until it has answered, nothing is fetched of
    a new partition. A member that was away for longer than its session hears of it at its next poll.
    """

    def __init__(
        self,
        address: KafkaAddress,
        topic: str,
        group: str,
        assignment: Assignment,
        timeout_s: float,
        session_timeout_s: float,
    ) -> None:
        self._topic, self._assignment, self._timeout_s = topic, assignment, timeout_s
        self._consumer = open_client(
            KafkaConsumer,
            address,
            timeout_s,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=milliseconds(session_timeout_s),
            heartbeat_interval_ms=milliseconds(session_timeout_s / 4),
            max_poll_interval_ms=_MAX_POLL_INTERVAL_S * 1000,
            metadata_max_age_ms=_METADATA_AGE_MS,
            partition_assignment_strategy=(_InformedAssignor,),
            fetch_max_bytes=_FETCH_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        self._rebalance = _Rebalance(self._consumer)
        self._consumer.subscribe([topic], listener=self._rebalance)
        self._held: set[int] = set()
        self._heard = time.monotonic()

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Returns the next records; raises FailedPrecondition if the log does not hold the position to read from.

        Raises Unavailable, too, when the brokers have not answered for longer than the log's own deadline.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, deadline - time.monotonic())
            with answering():
                batches = self._consumer.poll(milliseconds(min(left_s, _SLICE_S)), max_records)
            moved = self._take_up()
            records = [
                as_record(fetched)
                for place, batch in batches.items()
                if place.partition not in moved
                for fetched in batch
            ]
            if records:
                self._heard = time.monotonic()
                return records
            if time.monotonic() >= deadline:
                self._probe()
                return []

    def seek(self, partition: int, offset: int) -> None:
        """Reads on from there; ignored for a partition that is no longer this member's."""
        place = TopicPartition(self._topic, partition)
        if place in self._consumer.assignment():
            self._consumer.seek(place, offset)

    def commit(self, positions: Mapping[int, int]) -> None:
        """Keeps the next offset to read, unless the partition is no longer this member's."""
        offsets = {TopicPartition(self._topic, number): OffsetAndMetadata(at) for number, at in positions.items()}
        with answering():
            try:
                self._consumer.commit(offsets, timeout_ms=milliseconds(self._timeout_s))
            except (CommitFailedError, RebalanceInProgressError) as problem:
                _LOG.warning("positions not kept", topic=self._topic, positions=dict(positions), reason=str(problem))

    def close(self) -> None:
        """Leaves the group, so that the others take over at once."""
        try:
            with answering():
                self._consumer.close(autocommit=False, timeout_ms=milliseconds(self._timeout_s))
        finally:
            self._revoke(self._held)

    def _take_up(self) -> set[int]:
        """Tells `Assignment` what the group has decided; returns the partitions that it concerns."""
        moved: set[int] = set()
        while self._rebalance.changes:
            given, partitions = self._rebalance.changes[0]
            if given:
                self._assign(partitions)
            else:
                self._revoke(partitions)
            self._rebalance.changes.popleft()
            moved |= partitions
        return moved

    def _assign(self, partitions: set[int]) -> None:
        places = {number: TopicPartition(self._topic, number) for number in partitions}
        timeout_ms = milliseconds(self._timeout_s)
        with answering():
            starts = self._consumer.beginning_offsets(list(places.values()), timeout_ms)
            ends = self._consumer.end_offsets(list(places.values()), timeout_ms)
            known = {number: self._consumer.committed(place, timeout_ms=timeout_ms) for number, place in places.items()}
        bounds = {number: Bounds(starts[place], ends[place]) for number, place in places.items()}
        committed = {number: offset for number, offset in known.items() if offset is not None}
        for number, offset in self._assignment.assigned(bounds, committed).items():
            if places[number] in self._consumer.assignment():
                self._consumer.seek(places[number], offset)
                self._consumer.resume(places[number])
        self._held |= partitions

    def _revoke(self, partitions: set[int]) -> None:
        if gone := self._held & partitions:
            self._held -= gone
            self._assignment.revoked(sorted(gone))

    def _probe(self) -> None:
        """Asks an idle log now and then whether it is still there."""
        if time.monotonic() - self._heard > self._timeout_s:
            with answering():
                self._consumer.end_offsets([TopicPartition(self._topic, 0)], milliseconds(_PROBE_S))
            self._heard = time.monotonic()


def as_record(fetched: Any) -> Record:
    """Returns a record of kafka-python's as the platform's; a foreign producer's missing value is an empty one."""
    time_us = fetched.timestamp * 1000
    place = fetched.topic, fetched.partition, fetched.offset
    headers = tuple((name, value or b"") for name, value in fetched.headers) if fetched.headers else ()
    return Record(*place, time_us, fetched.key, fetched.value or b"", headers)


class _InformedAssignor(RangePartitionAssignor):  # type: ignore[misc]
    """Gives each member a range of each topic's partitions, but only of topics that it knows.

    kafka-python's own gives out nothing of a topic whose metadata has not come yet, and is not asked again when it has.
    An error that may be retried makes the leader join again in a moment.
    """

    @classmethod
    def assign(cls, cluster: Any, members: Any) -> Any:
        """Returns the assignments. Raises StaleMetadata where a topic is not known yet."""
        topics = {topic for member in members for topic in member.metadata.topics}
        if any(cluster.partitions_for_topic(topic) is None for topic in topics):
            raise StaleMetadata
        return super().assign(cluster, members)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what the group decides. It is called on the client's network thread, where nothing may wait."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.changes: deque[tuple[bool, set[int]]] = deque()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        for place in assigned:  # a position it must have; paused, it is not read from there
            self._consumer.pause(place)
            self._consumer.seek(place, 0)
        self._note(True, assigned)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._note(False, revoked)

    def _note(self, given: bool, places: Collection[TopicPartition]) -> None:
        if places:
            self.changes.append((given, {place.partition for place in places}))
