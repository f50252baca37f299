"""The life of a process: serve, watch its loops, and on SIGTERM leave in good order.

Order of leaving: NOT_SERVING, finish the calls in flight, then stop the loops in the order given (each flushes what it
holds), exit 0. A loop that fails ends the process with 1; the supervisor starts it again.
"""

import asyncio
import gc
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import grpc.aio
import structlog
import uvloop
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

from marketplace.errors import Unavailable
from marketplace.runtime.calls import Calls
from marketplace.runtime.health import Health
from marketplace.runtime.listening import Entrance, ServerSettings
from marketplace.runtime.logging import configure_logging
from marketplace.runtime.methods import Methods
from marketplace.runtime.observed import Observed
from marketplace.runtime.settings import BadSettingError, fail, parse_settings

_GRACE_S: Final = 3.0
# Objects made between two collections, in place of 700. A batch makes 20 times as many, which go by themselves when it
# is done; walking them before that took 12 % of the feedback handler's time.
_OBJECTS: Final = 20_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Loop:
    """Work beside the calls: runs in a thread until its event is set, then flushes and returns."""

    name: str
    run: Callable[[threading.Event], None]


@dataclass(frozen=True)
class Service:
    """A gRPC service: its full name and the generated function that adds its servicer, to `Methods` as to a server."""

    name: str
    add: Callable[[Any], None]


@dataclass
class Process:
    """What a process consists of. `ready` answers when the first call may come; `drain` ends its streams.

    `able` tells from then on, at any moment, whether the process can do its work: it says SERVING only then.
    `shares_port` lets other processes listen on the same port, over which the kernel spreads connections: only then is
    nobody listened to before `ready`, because there may be another who is.
    """

    listen: str
    services: Sequence[Service] = ()
    loops: Sequence[Loop] = ()
    ready: Callable[[], Awaitable[None]] | None = None
    able: Callable[[], bool] | None = None
    drain: Callable[[], None] | None = None
    close: Callable[[], None] | None = None
    observed: Observed | None = None
    entrance: Entrance | None = None
    shares_port: bool = False
    _failed: bool = field(default=False, init=False)

    async def live(self) -> int:
        """Serves until SIGTERM or SIGINT; returns the exit code."""
        stop = asyncio.Event()
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, stop.set)
        checks = Health([service.name for service in self.services], self.able)
        if self.observed:
            self.observed.figures += checks.figures()
        with self.observed or nullcontext():
            return await self._live(stop, await self._make_server(checks), checks)

    async def _live(self, stop: asyncio.Event, server: grpc.aio.Server, checks: Health) -> int:
        running = asyncio.get_running_loop()
        if not self.shares_port:
            await self._listen(server)
        threads = [_LoopThread(loop, lambda: running.call_soon_threadsafe(self._fail, stop)) for loop in self.loops]
        for thread in threads:
            thread.start()
        if self.ready:
            await self._until_ready(stop)
        if self.shares_port and not stop.is_set():
            await self._listen(server)
        following = asyncio.ensure_future(checks.follow())
        await stop.wait()
        log.info("leaving")
        following.cancel()
        await checks.say(False)
        if self.drain:
            self.drain()
        await server.stop(_GRACE_S)
        for thread in threads:
            await asyncio.to_thread(thread.finish)
        if self.close:
            self.close()
        log.info("left", clean=not self._failed)
        return 1 if self._failed else 0

    def _fail(self, stop: asyncio.Event) -> None:
        self._failed = True
        stop.set()

    async def _until_ready(self, stop: asyncio.Event) -> None:
        assert self.ready
        first = asyncio.ensure_future(self.ready())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({first, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if first.done():
            first.result()
        else:
            first.cancel()

    async def _make_server(self, checks: Health) -> grpc.aio.Server:
        assert self.entrance
        options = [
            *self.entrance.options(),
            ("grpc.so_reuseport", int(self.shares_port)),
            ("grpc.keepalive_permit_without_calls", 1),
            # Clients ping every 20 s; by default a server takes pings on an idle stream for abuse and hangs up.
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ]
        calls, notes = (self.observed.calls, self.observed.notes()) if self.observed else (Calls(), [])
        methods = Methods(calls, self.entrance.guard, notes, self.entrance.settings.max_calls)
        checks.add_to(methods)
        for service in self.services:
            service.add(methods)
        names = [*(service.name for service in self.services), health.SERVICE_NAME, reflection.SERVICE_NAME]
        answering = reflection.aio.ReflectionServicer(names)
        add_ServerReflectionServicer_to_server(answering, methods)  # type: ignore[no-untyped-call]
        await checks.say(False)
        return grpc.aio.server(handlers=[methods], options=options)

    async def _listen(self, server: grpc.aio.Server) -> None:
        assert self.entrance
        self.entrance.open(server)
        await server.start()
        log.info("listening", listen=self.listen)


SomeSettings = TypeVar("SomeSettings", bound=ServerSettings)


def run_process(program: str, kind: type[SomeSettings], build: Callable[[SomeSettings], Process]) -> int:
    """Reads the settings, builds the process on its event loop, lets it live; returns the exit code.

    Settings that are wrong, alone or together, end in one line for the operator and exit code 2.
    """
    settings = parse_settings(kind, program)
    configure_logging(program, settings.log_level)
    log.info("settings", **settings.shown())
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])

    async def main() -> int:
        entrance = Entrance.of(settings)
        process = build(settings)
        process.entrance = entrance
        process.loops = [*process.loops, *(Loop(name, run) for name, run in entrance.loops())]
        return await process.live()

    try:
        return uvloop.run(main())
    except (BadSettingError, OSError, Unavailable) as problem:
        fail(program, problem)


class _LoopThread(threading.Thread):
    def __init__(self, loop: Loop, failed: Callable[[], object]) -> None:
        super().__init__(name=loop.name, daemon=True)
        self._loop = loop
        self._failed = failed
        self._stop_event = threading.Event()

    def run(self) -> None:
        try:
            self._loop.run(self._stop_event)
        except Exception:
            log.exception("a loop failed", loop=self._loop.name)
            self._failed()

    def finish(self) -> None:
        self._stop_event.set()
        self.join(_GRACE_S * 2)
        if self.is_alive():
            log.warning("a loop did not finish in time", loop=self._loop.name)
