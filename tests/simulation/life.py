"""The life of a process: it starts, takes calls, is told to leave or killed, and is started again.

What it leaves behind when it is killed is what it shares with others, and nothing else.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias, TypeVar

from baton import Actor
from shared import Mesh
from world import Event, Violation

from marketplace.errors import Unavailable

T = TypeVar("T")

Loops: TypeAlias = list[tuple[str, Callable[[Any], None]]]
"""The loops of a process by name, in the order in which they stop; each takes its stop event."""


class EventLoop:
    """As much of an event loop as the services use of theirs."""

    def __init__(self, process: "Process") -> None:
        self._process = process

    def call_soon_threadsafe(self, call: Callable[..., object], *args: object) -> None:
        """Calls at once, if the process is still there by then."""
        self._process.world.scheduler.step("to the event loop")
        call(*args)
        self._process.wake_callers()

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)  # type: ignore[arg-type]

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: object) -> None:
        """Does nothing: nobody has asked for the answer."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Makes this the running loop."""
        asyncio._set_running_loop(self)  # type: ignore[arg-type]
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


class Context:
    """What a servicer asks of its call."""

    def time_remaining(self) -> float | None:
        return None


class Process(ABC):
    """One process: its loops, its calls in flight, its life."""

    def __init__(self, name: str, mesh: Mesh) -> None:
        self.name = name
        self.mesh = mesh
        self.world = mesh.world
        self.alive = False
        self.draining = False
        self.life = 0
        self.actors: list[Actor] = []
        self._callers: list[Actor] = []
        self._loops: list[tuple[str, Event, Actor]] = []
        skew = mesh.world.chance.plan.choice((0, 0, 1_500_000, -1_500_000))
        self.clock: Callable[[], int] = lambda: self.world.now_us() + skew

    @abstractmethod
    def build(self, loop: EventLoop) -> Loops:
        """Wires it, on its event loop; returns its loops."""

    def start(self) -> None:
        """Starts it."""
        self.life += 1
        self.alive, self.draining = True, False
        loop = EventLoop(self)
        with loop.running():
            loops = self.build(loop)
        self._loops = []
        for name, run in loops:
            stop = self.world.event()
            self._loops.append((name, stop, self.spawn(name, partial(self._run, run, stop))))

    def spawn(self, name: str, work: Callable[[], object]) -> Actor:
        """Starts a line of work of this process."""
        actor = self.world.scheduler.spawn(f"{self.name}.{name}", work)
        self.actors.append(actor)
        return actor

    def crash(self) -> None:
        """Kills it; a while later it is started again."""
        if not self.alive:
            return
        self.alive = False
        actors, self.actors = self.actors, []
        self.world.scheduler.kill(actors)
        self.wake_callers()
        rng = self.world.rng
        database, log = self.mesh.database, self.mesh.log
        if database.coarse or rng.random() < 0.5:
            database.drop(actors)
        else:
            self.world.later(rng.random(), "server", lambda: database.drop(actors))
        self.world.later(rng.random() * 2, "broker", lambda: log.drop(actors))
        self.world.later(rng.random(), "supervisor", self.start)

    def leave(self) -> None:
        """Stops it in good order: no new calls, those in flight end, then loop after loop."""
        if not self.alive or self.draining:
            return
        self.draining = True
        self.spawn("leaving", self._leave)

    def _leave(self) -> None:
        patience = 30
        while self._callers and patience:
            self.world.sleep(0.1)
            patience -= 1
        for _, stop, actor in self._loops:
            stop.set()
            while not actor.ended:
                self.world.sleep(0.05)
        self.crash()

    def _run(self, run: Callable[[Any], None], stop: Event) -> None:
        try:
            run(stop)
        except (Unavailable, OSError) as problem:
            self.world.say(f"  ends: {problem!r}")
            self.crash()
        except Exception as problem:
            raise Violation(f"{self.world.scheduler.current.name} failed: {problem!r}") from problem

    def call(self, what: str, request: Callable[[], T]) -> T:
        """Calls it from outside. Raises Unavailable where it is away, dies meanwhile, or a message is lost."""
        world = self.world
        world.scheduler.step(f"{what} -> {self.name}")
        if not self.alive or self.draining or world.chance.of_call(("fails",)):
            raise Unavailable
        life = self.life
        caller = world.scheduler.current
        self._callers.append(caller)
        try:
            answer = request()
            world.scheduler.step(f"{what} <- {self.name}")
        finally:
            self._callers.remove(caller)
        if (self.gone(life) and world.rng.random() < 0.5) or world.chance.of_call(("answer lost",)):
            world.say(f"  {what}: answer lost")
            raise Unavailable
        return answer

    def gone(self, life: int) -> bool:
        """Tells whether the process that was there is no more."""
        return not self.alive or self.life != life

    def wake_callers(self) -> None:
        """Lets those who wait for an answer look whether it is there."""
        for caller in self._callers:
            self.world.scheduler.wake(caller)

    def wait_for(self, done: Callable[[], bool], deadline_s: float) -> None:
        """Waits on behalf of a caller. Raises Unavailable past the deadline, and when the process dies."""
        world, life = self.world, self.life
        until_s = world.now_s() + deadline_s
        while not done():
            left_s = until_s - world.now_s()
            if left_s <= 0:
                raise Unavailable("deadline")
            world.scheduler.wait(left_s)
            if self.gone(life) and not done():
                raise Unavailable("it died")
