"""Which fault comes next: every kind to every target in each round, in an order that the seed decides. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random
from typing import Final

_LONGEST_PAUSE_S: Final = 12.0  # longer than a Kafka session: the group gives the member's partitions to another
_LONGEST_CALM_S: Final = 2.0


class Kind(StrEnum):
    """What is done to a target."""

    KILL = "killed"
    """SIGKILL, and a start."""

    PAUSE = "paused"
    """SIGSTOP, and SIGCONT after a while: it goes on as if no time had passed."""

    RESTART = "restarted"
    """SIGTERM, and a start."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how long the target stays paused, and how much calm comes after it has recovered, in seconds."""

    target: str
    kind: Kind
    pause_s: float
    calm_s: float


def faults(targets: Sequence[str], seed: int) -> Iterator[Fault]:
    """Yields faults without end; in each round every target meets each kind once."""
    random = Random(seed)
    while True:
        pairs = list(product(targets, Kind))
        random.shuffle(pairs)
        for target, kind in pairs:
            pause_s = random.uniform(1.0, _LONGEST_PAUSE_S) if kind is Kind.PAUSE else 0.0
            yield Fault(target, kind, pause_s, random.uniform(0.0, _LONGEST_CALM_S))
