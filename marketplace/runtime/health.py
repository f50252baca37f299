"""Readiness that is true: says SERVING for as long as a process can do its work, and NOT_SERVING while it cannot."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from marketplace.metrics import CALL_SECONDS, Figure, Histogram, gauge, histogram

_TICK_S: Final = 0.1

log = structlog.get_logger()


class Health:
    """The health service of a process: one state, told for the whole (the empty name) and for each of its services."""

    def __init__(self, services: Sequence[str], able: Callable[[], bool] | None) -> None:
        """`able` tells whether the process can do its work now; it is called on the event loop and must not wait."""
        self._names = ("", *services)
        self._able = able or (lambda: True)
        self._servicer = health.aio.HealthServicer()
        self._lag_s = Histogram(CALL_SECONDS)
        self.serving = False

    def add_to(self, methods: Any) -> None:
        """Adds the health service to the `Methods` of a process."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, methods)

    async def say(self, serving: bool) -> None:
        """Tells everyone who asks or watches."""
        self.serving = serving
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._servicer.set(name, states.SERVING if serving else states.NOT_SERVING)

    async def follow(self) -> None:
        """Says what is the case, ten times a second, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            able = self._is_able()
            if able is not self.serving:
                await self.say(able)
                log.info("serving") if able else log.warning("not serving")
            due_s = loop.time() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self._lag_s.observe(max(0.0, loop.time() - due_s))

    def _is_able(self) -> bool:
        try:
            return self._able()
        except Exception:  # who cannot tell is not ready, and must not cease to be asked
            if self.serving:
                log.exception("cannot tell whether it is able")
            return False

    def figures(self) -> list[Figure]:
        """Returns what there is to export."""
        return [
            gauge("adplatform_serving", "1 while the health service says SERVING.", lambda: int(self.serving)),
            histogram(
                "adplatform_event_loop_lag_seconds",
                "How much later than due the event loop comes to its work, ten times a second.",
                lambda: self._lag_s,
            ),
        ]
