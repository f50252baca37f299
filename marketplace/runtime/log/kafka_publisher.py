"""Sends to Kafka: idempotent, in order, a bounded number of messages at a time."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.partitioner import DefaultPartitioner, murmur2

from marketplace.errors import InvalidArgument, PlatformError
from marketplace.ports import Message
from marketplace.runtime.log.kafka_client import KafkaAddress, milliseconds, open_client
from marketplace.runtime.log.topics import MAX_MESSAGE_BYTES, check_sizes, no_answer

_UNSENT_MESSAGES: Final = 10_000
_UNSENT_BYTES: Final = 8_000_000
_BATCH_BYTES: Final = 262_144
_LINGER_MS: Final = 5  # what is published together travels together: else the broker gets it in several requests
_KEYS_KEPT: Final = 10_000
_REQUEST_BYTES: Final = MAX_MESSAGE_BYTES + 40_000
_REQUEST_TIMEOUT_MS: Final = 10_000
_DELIVERY_TIMEOUT_MS: Final = 120_000
_CLOSE_S: Final = 5.0


class KafkaPublisher:
    """A `ports.Publisher`, safe to share between threads: one call sends at a time.

    Nothing overtakes. What a call could not get acknowledged before its deadline stays with the idempotent producer,
    which goes on trying for two minutes, and the next call sends only once that is settled. When the producer gives a
    message up it is stopped on the spot, before it can send what comes after, and the next call opens a new one.
    """

    def __init__(self, address: KafkaAddress, timeout_s: float) -> None:
        self._address, self._timeout_s = address, timeout_s
        self._turn = threading.Lock()
        self._producer: Any = None
        self._unsettled: list[Any] = []  # futures of what was handed to the producer, neither acknowledged nor lost

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Sends the messages; raises Unavailable if one of them is not acknowledged within the deadline."""
        check_sizes(messages)
        deadline = time.monotonic() + self._timeout_s
        if not self._turn.acquire(timeout=self._timeout_s):
            raise no_answer(TimeoutError("another thread is publishing"))
        try:
            self._settle_earlier(deadline)
            for portion in _portions(messages):
                self._send(topic, portion, deadline)
        except KafkaError as problem:
            raise self._given_up(topic, problem) from problem
        finally:
            self._turn.release()

    def close(self) -> None:
        """Gives unsettled messages a few seconds more, then lets go."""
        with self._turn:
            with suppress(KafkaError):  # their call has raised Unavailable already
                self._settle(time.monotonic() + _CLOSE_S)
            self._stop()

    def _send(self, topic: str, messages: Sequence[Message], deadline: float) -> None:
        if self._producer is None:
            self._producer = self._open(deadline)
        stop = self._producer._sender.force_close  # close() is not for the producer's own thread
        for message in messages:
            sent = self._producer.send(topic, value=message.value, key=message.key, headers=list(message.headers))
            self._unsettled.append(sent)
            sent.add_errback(lambda _: stop())
        self._settle(deadline)

    def _open(self, deadline: float) -> Any:
        half_s = (deadline - time.monotonic()) / 2  # the other half is for the topic's metadata
        return open_client(
            KafkaProducer,
            self._address,
            half_s,
            enable_idempotence=True,
            acks="all",
            max_block_ms=milliseconds(self._timeout_s / 2),
            delivery_timeout_ms=_DELIVERY_TIMEOUT_MS,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            batch_size=_BATCH_BYTES,
            linger_ms=_LINGER_MS,
            partitioner=_Partitioner(),
            max_request_size=_REQUEST_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def _settle(self, deadline: float) -> None:
        """Waits until every message handed over is acknowledged; raises KafkaError if one is not."""
        for sent in self._unsettled:
            sent.get(timeout=max(0.0, deadline - time.monotonic()))
        self._unsettled.clear()

    def _settle_earlier(self, deadline: float) -> None:
        """Waits until what an earlier call left behind is no longer on its way, acknowledged or given up."""
        try:
            self._settle(deadline)
        except KafkaError:
            if not self._losses():
                raise
            self._stop()  # their call has raised Unavailable already

    def _losses(self) -> list[Exception]:
        """Returns why messages that were handed over are lost; none while all may still be acknowledged."""
        return [sent.exception for sent in self._unsettled if sent.failed()]

    def _given_up(self, topic: str, problem: KafkaError) -> PlatformError:
        causes = [*self._losses(), problem]
        if len(causes) > 1:
            self._stop()
        if any(isinstance(cause, MessageSizeTooLargeError) for cause in causes):
            return InvalidArgument(f"topic {topic} takes no message as large as one of these", "value")
        return no_answer(causes[0])

    def _stop(self) -> None:
        """Stops the producer without sending anything more."""
        producer, self._producer = self._producer, None
        self._unsettled.clear()
        if producer is not None:
            producer._sender.force_close()  # close() alone would leave its thread behind when it cannot flush
            with suppress(KafkaError):
                producer.close(timeout=1)


class _Partitioner(DefaultPartitioner):  # type: ignore[misc]
    """Gives a key the partition that every Kafka client gives it, and remembers hashes: 10 us each in Python."""

    def partition(self, topic: str, key: Any, serialized_key: bytes | None, *rest: Any) -> int:
        """Returns the partition of a message."""
        if serialized_key is None:
            return int(super().partition(topic, key, serialized_key, *rest))
        partitions = sorted(rest[-1].partitions_for_topic(topic))
        return int(partitions[_hash(serialized_key) % len(partitions)])


@lru_cache(_KEYS_KEPT)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def _portions(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Cuts messages into portions that may be unsent together; kafka-python itself has no such bound."""
    start, size = 0, 0
    for end, message in enumerate(messages):
        weight = len(message.key or b"") + len(message.value)
        if end > start and (end - start == _UNSENT_MESSAGES or size + weight > _UNSENT_BYTES):
            yield messages[start:end]
            start, size = end, 0
        size += weight
    if messages:
        yield messages[start:]
