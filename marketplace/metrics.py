"""What operators watch: figures counted in plain numbers where they arise, and read when someone asks.

Nothing is locked, so that counting costs a request next to nothing: each figure has one writer, and a reader that comes
in the middle of it is one count off. Names follow Prometheus: base units, `_total` for what only grows.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

CALL_SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Bounds of histograms of calls and transactions, in seconds."""

DELAY_SECONDS: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
"""Bounds of histograms of what waits in queues and topics, in seconds."""


class Histogram:
    """Counts values by size; `counts[i]` are those up to `bounds[i]`, the last those above all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts a value; takes a fifth of a microsecond."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """Returns how many values were counted."""
        return sum(self.counts)


class Kind(Enum):
    """What a figure is; the values are Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


Value: TypeAlias = float | Histogram
Values: TypeAlias = Value | Mapping[tuple[str, ...], Value] | None
"""One value, or one for each combination of label values; None: not known now."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it is exported; `read` must neither wait nor raise."""

    kind: Kind
    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Values]


def counter(name: str, text: str, read: Callable[[], Values], *labels: str) -> Figure:
    """Describes what only grows, from 0 at the start of the process."""
    if not name.endswith("_total"):
        raise ValueError(f"{name}: the name of a counter ends with _total")
    return Figure(Kind.COUNTER, name, text, labels, read)


def gauge(name: str, text: str, read: Callable[[], Values], *labels: str) -> Figure:
    """Describes what goes up and down."""
    return Figure(Kind.GAUGE, name, text, labels, read)


def histogram(name: str, text: str, read: Callable[[], Values], *labels: str) -> Figure:
    """Describes how values are spread."""
    return Figure(Kind.HISTOGRAM, name, text, labels, read)
