"""How far a consumer is behind its topic; asked in the background."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from marketplace.metrics import Figure, gauge
from marketplace.ports import Log

Lag: TypeAlias = dict[tuple[str, ...], int]
"""Messages that are not handled yet, by topic and partition."""


def read_lag(topics: Log, topic: str, handled: Mapping[int, int]) -> Lag:
    """Compares a topic's ends with the offsets up to which it is handled, by partition. Raises Unavailable."""
    bounds = topics.bounds(topic) if handled else {}
    return {
        (topic, str(partition)): max(0, bounds[partition].end - offset)
        for partition, offset in handled.items()
        if partition in bounds
    }


def lag_figure(newest: Callable[[], Lag | None]) -> Figure:
    """Returns the figure of what is known of the lag now."""
    return gauge(
        "adplatform_consumer_lag_messages",
        "Messages of a partition of this process that it has not handled yet.",
        newest,
        *("topic", "partition"),
    )
