"""What all simulated parts share: the scheduler, what goes wrong, the wall clock, and calls over a wire."""

from collections.abc import Callable
from typing import Final, TypeVar

from baton import Scheduler
from chance import Chance

from marketplace.clock import US_PER_SECOND

T = TypeVar("T")

TEN_O_CLOCK_US: Final = 1_790_848_800_000_000  # 2026-10-01 10:00 UTC
_STICKINESS: Final = (0.2, 0.5, 0.8)
_MAX_STEPS: Final = 20_000


class Violation(BaseException):
    """Something that must hold does not. Not an Exception: nothing that handles those may take it for its own."""


class World:
    """One run."""

    def __init__(self, seed: int, spared: frozenset[int] = frozenset()) -> None:
        self.chance = Chance(seed, spared)
        self.scheduler = Scheduler(seed, _MAX_STEPS, self.chance.plan.choice(_STICKINESS))
        self.rng = self.scheduler.rng
        self.jumped_us = 0
        self.was_set_back = False
        self.pending = 0

    def now_us(self) -> int:
        """Returns the wall clock's time, which jumps; the scheduler's own runs forward only."""
        return TEN_O_CLOCK_US + self.jumped_us + int(self.scheduler.now_s * US_PER_SECOND)

    def now_s(self) -> float:
        """Returns a clock that only runs forward."""
        return self.scheduler.now_s

    @property
    def unwinding(self) -> bool:
        """Tells whether who runs is of a process that is no more: then nothing has an effect."""
        return self.scheduler.current.doomed

    def sleep(self, seconds: float) -> None:
        """Waits."""
        self.scheduler.wait(seconds)

    def later(self, delay_s: float, name: str, what: Callable[[], object]) -> None:
        """Lets something happen by itself after a while."""

        def happen() -> None:
            self.scheduler.wait(delay_s)
            what()
            self.pending -= 1

        self.pending += 1
        self.scheduler.spawn(name, happen)

    def say(self, what: str) -> None:
        """Adds a line to the trace."""
        self.scheduler.trace.append((self.scheduler.now_s, self.scheduler.current.name, what))

    def call(self, what: str, effect: Callable[[], T], error: Callable[[], Exception]) -> T:
        """Makes a call that may fail, or happen and lose its answer."""
        self.scheduler.step(what)
        fault = self.chance.of_call(("fails", "answer lost"))
        if fault is None:
            return effect()
        self.say(f"  {what}: {fault}")
        if fault == "answer lost":
            effect()
        raise error()

    def event(self) -> "Event":
        """Makes a stand-in for threading.Event."""
        return Event(self)


class Event:
    """What threading.Event is to threads, for actors."""

    def __init__(self, world: World) -> None:
        self._scheduler = world.scheduler
        self._rng = world.rng
        self._set = False
        self._waiting: list[object] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, []
        for actor in waiting:
            self._scheduler.wake(actor)  # type: ignore[arg-type]

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout_s: float) -> bool:
        """Waits, and as on a busy machine often longer than asked: idle turns cost a run its time."""
        if not self._set:
            self._waiting.append(self._scheduler.current)
            late = (50 if timeout_s < 0.1 else 2) * self._rng.random() ** 3
            self._scheduler.wait(timeout_s * (1 + late))
        return self._set
