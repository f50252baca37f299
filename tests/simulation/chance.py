"""What goes wrong in a run, and how large it is: drawn from the seed, each kind on or off (swarm testing)."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

PER_CALL: Final = (
    "fails",  # a call that does nothing and raises
    "answer lost",  # a call that is done and raises
    "done later",  # a call that raises, and is done or undone a while later
)
PER_STEP: Final = (
    "crash",  # kill -9 of any process
    "leave",  # SIGTERM of any process
    "cut",  # a database connection breaks, its transaction is undone
    "pause",  # a line of work stands still while others go on
    "clock jump",
    "rebalance",  # a group takes its partitions away and gives them out anew
    "new key",  # the operator adds a receipt key
)
_STEP_RATES: Final = (0.001, 0.003, 0.01)
_CALL_RATES: Final = (0.005, 0.02, 0.06)


@dataclass(frozen=True)
class Size:
    """How many of each there are."""

    campaigns: int
    managers: int
    adservers: int
    handlers: int
    writers: int
    users: int
    rounds: int
    commands: int
    command_partitions: int
    feedback_partitions: int
    served_too: bool


class Chance:
    """Decides whether a fault strikes. Faults are numbered as they strike; those in `spared` do not."""

    def __init__(self, seed: int, spared: Collection[int] = ()) -> None:
        plan = random.Random(f"plan {seed}")
        self._rng = random.Random(f"faults {seed}")
        self._rates = {kind: plan.choice(_CALL_RATES) if plan.random() < 0.5 else 0.0 for kind in PER_CALL}
        self._rates |= {kind: plan.choice(_STEP_RATES) if plan.random() < 0.4 else 0.0 for kind in PER_STEP}
        self._any_call = sum(self._rates[kind] for kind in PER_CALL)
        self._any_step = sum(self._rates[kind] for kind in PER_STEP)
        self._spared = spared
        self._numbers = 0
        self.struck: list[tuple[int, str]] = []
        self.plan = plan
        self.quiet = False
        self.size = Size(
            campaigns=plan.randint(2, 5),
            managers=plan.choice((1, 1, 2)),
            adservers=plan.choice((1, 1, 2)),
            handlers=plan.choice((1, 2, 2)),
            writers=plan.choice((1, 2, 2)),
            users=plan.randint(1, 3),
            rounds=plan.randint(2, 5),
            commands=plan.randint(0, 5),
            command_partitions=plan.choice((1, 1, 2)),
            feedback_partitions=plan.choice((1, 2)),
            served_too=plan.random() < 0.25,
        )

    def of_call(self, kinds: Collection[str] = PER_CALL) -> str | None:
        """Returns the fault that strikes this call, if any."""
        return self._draw(PER_CALL, self._any_call, kinds)

    def of_step(self) -> str | None:
        """Returns the fault that strikes at this moment, if any."""
        return self._draw(PER_STEP, self._any_step, PER_STEP)

    def _draw(self, drawn: Collection[str], total: float, kinds: Collection[str]) -> str | None:
        at = self._rng.random()
        if at >= total or self.quiet:
            return None
        for kind in drawn:
            at -= self._rates[kind]
            if at < 0:
                return self._strike(kind) if kind in kinds else None
        return None

    def _strike(self, kind: str) -> str | None:
        self._numbers += 1
        if self._numbers in self._spared:
            return None
        self.struck.append((self._numbers, kind))
        return kind
