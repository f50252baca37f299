"""The seeded scheduler: actors are threads of which only the one that holds the baton runs.

Real, blocking code runs in them unmodified. At each call to a port it may give the baton away, and the seed decides
who goes on: one seed is one interleaving, again and again. Time is virtual; it passes by steps and by waiting.
"""

import _thread
import random
import threading
from bisect import insort
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

STEP_S: Final = 0.001
_TIME_PASSES: Final = 0.1  # how often a sleeper goes on although others could

_spare: "list[_Thread]" = []


class Killed(BaseException):
    """The actor's process is no more. It unwinds the actor; nothing that it does on the way has an effect."""


class Stuck(BaseException):
    """There is no end to it."""


class _Thread(threading.Thread):
    """Runs one actor after another, over many simulations: making threads is dear."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.baton = _thread.allocate_lock()
        self.baton.acquire()
        self.work: Callable[[], object] = lambda: None
        self.start()

    def run(self) -> NoReturn:
        while True:
            self.baton.acquire()
            self.work()


class Actor:
    """One line of work. Once `doomed` it raises Killed instead of going on."""

    def __init__(self, name: str, baton: _thread.LockType) -> None:
        self.name = name
        self.baton = baton
        self.doomed = False
        self.ended = False
        self.woken = False
        self.sleep: _Sleep | None = None
        self.killer: Actor | None = None


_Sleep = tuple[float, int, Actor]
"""Until when, a number of its own, and who."""


class Scheduler:
    """Hands the baton around. The thread that makes it is its first actor, the director, who is never killed."""

    def __init__(self, seed: int, max_steps: int, stickiness: float) -> None:
        """`stickiness` is how likely who holds the baton keeps it at a step."""
        self.rng = random.Random(seed)
        self.now_s = 0.0
        self.steps = 0
        self.trace: list[tuple[float, str, str]] = []
        self.between: Callable[[], object] = lambda: None
        self._max_steps = max_steps
        self._stickiness = stickiness
        self._ready: list[Actor] = []
        self._asleep: list[_Sleep] = []
        self._sleeps = 0
        self._failure: BaseException | None = None
        baton = _thread.allocate_lock()
        baton.acquire()
        self.director = self.current = Actor("director", baton)

    def spawn(self, name: str, work: Callable[[], object]) -> Actor:
        """Starts an actor. What `work` raises fails the whole simulation."""
        thread = _spare.pop() if _spare else _Thread()
        actor = Actor(name, thread.baton)

        def live() -> None:
            try:
                if not actor.doomed:
                    work()
            except Killed:
                pass
            except BaseException as failure:
                self._failure = self._failure or failure
            actor.ended = True
            _spare.append(thread)
            self._pass_on(actor.killer or self._next())

        thread.work = live
        self._ready.append(actor)
        return actor

    def step(self, what: str) -> None:
        """Marks a moment at which anything else may happen first: others go on, something dies, a clock jumps."""
        me = self.current
        if me.doomed:
            raise Killed
        self.steps += 1
        if self.steps > self._max_steps:
            raise Stuck(f"no end after {self._max_steps} steps")
        self.now_s += STEP_S
        self.trace.append((self.now_s, me.name, what))
        self.between()
        if not me.doomed and self.rng.random() >= self._stickiness:
            self._ready.append(me)
            self._rest(me)
        if me.doomed:
            raise Killed

    def wait(self, timeout_s: float) -> bool:
        """Waits to be woken; returns whether that came before the time-out."""
        me = self.current
        if me.doomed:
            raise Killed
        self._sleeps += 1
        me.woken, me.sleep = False, (self.now_s + timeout_s, self._sleeps, me)
        insort(self._asleep, me.sleep)
        self._rest(me)
        if me.doomed:
            raise Killed
        return me.woken

    def wake(self, actor: Actor) -> None:
        """Lets a waiting actor go on."""
        if self._rouse(actor):
            self._ready.append(actor)
            actor.woken = True

    def kill(self, actors: Iterable[Actor]) -> None:
        """Ends actors where they stand, at once; the one that is doing this ends at its next step, or this one."""
        me = self.current
        for actor in list(actors):
            if actor.ended or actor.doomed:
                continue
            actor.doomed = True
            if actor is me:
                continue
            self._take(actor)
            actor.killer = me
            self._pass_on(actor)
            me.baton.acquire()

    def close(self) -> None:
        """Ends everyone but the director; only the director may."""
        self.kill([*self._ready, *(actor for _, _, actor in self._asleep)])

    def _rest(self, me: Actor) -> None:
        heir = self._next()
        if heir is not me:
            self._pass_on(heir)
            me.baton.acquire()
        if me is self.director and self._failure:
            raise self._failure

    def _pass_on(self, heir: Actor) -> None:
        self.current = heir
        heir.baton.release()

    def _next(self) -> Actor:
        if self._failure:
            self._take(self.director)
            return self.director
        if self._asleep and (not self._ready or self.rng.random() < _TIME_PASSES):
            wake_s, _, first = self._asleep.pop(0)
            self.now_s = max(self.now_s, wake_s)
            first.sleep = None
            return first
        return self._ready.pop(int(self.rng.random() * len(self._ready)))

    def _take(self, actor: Actor) -> None:
        if not self._rouse(actor) and actor in self._ready:
            self._ready.remove(actor)

    def _rouse(self, actor: Actor) -> bool:
        sleep, actor.sleep = actor.sleep, None
        if sleep:
            self._asleep.remove(sleep)
        return sleep is not None
