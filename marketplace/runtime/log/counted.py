"""A publisher that counts what it sends."""

import time
from collections.abc import Sequence

from marketplace.metrics import CALL_SECONDS, Figure, Histogram, counter, histogram
from marketplace.ports import Message, Publisher


class CountedPublisher:
    """A `ports.Publisher` on another; counts messages, failures and the time until they are durable, by topic."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._sent: dict[tuple[str, ...], int] = {}
        self._failed: dict[tuple[str, ...], int] = {}
        self._seconds: dict[tuple[str, ...], Histogram] = {}

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See `ports.Publisher`."""
        started_s = time.monotonic()
        self._failed.setdefault((topic,), 0)
        try:
            self._publisher.publish(topic, messages)
        except Exception:
            self._failed[topic,] += 1
            raise
        self._sent[topic,] = self._sent.get((topic,), 0) + len(messages)
        self._seconds.setdefault((topic,), Histogram(CALL_SECONDS)).observe(time.monotonic() - started_s)

    def close(self) -> None:
        """See `ports.Publisher`."""
        self._publisher.close()

    def figures(self) -> list[Figure]:
        """Returns what there is to export."""
        return [
            counter(
                "adplatform_messages_published_total",
                "Messages that are durable on a topic.",
                lambda: dict(self._sent),
                "topic",
            ),
            counter(
                "adplatform_publish_failures_total",
                "Batches that could not be published; they are sent again.",
                lambda: dict(self._failed),
                "topic",
            ),
            histogram(
                "adplatform_publish_duration_seconds",
                "Time until a batch of messages is durable on its topic.",
                lambda: dict(self._seconds),
                "topic",
            ),
        ]
