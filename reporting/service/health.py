"""Asks the platform's processes for their health, at most once a second."""

import asyncio
import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT_S: Final = 1.0
_FRESH_S: Final = 1.0


Connect = Callable[[str, str], grpc.aio.Channel]


class State(Enum):
    """What a process says of itself."""

    SERVING = "serving"
    NOT_SERVING = "not serving"
    UNREACHABLE = "unreachable"


class Checked(NamedTuple):
    """One process and what it said."""

    name: str
    address: str
    state: State


class HealthWatch:
    """The processes' health; used on the event loop only."""

    def __init__(self, addresses: Mapping[str, str], connect: Connect) -> None:
        """`addresses` are those of the processes by their names; `connect` opens a channel to such a pair."""
        self._addresses = addresses
        self._connect = connect
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._checked: list[Checked] = []
        self._asked_s = 0.0
        self._turn = asyncio.Lock()

    async def check(self) -> list[Checked]:
        """Returns what every process says, in the order they were given."""
        async with self._turn:
            if time.monotonic() - self._asked_s > _FRESH_S:
                asked = (self._ask(name, address) for name, address in self._addresses.items())
                self._checked = list(await asyncio.gather(*asked))
                self._asked_s = time.monotonic()
            return self._checked

    async def _ask(self, name: str, address: str) -> Checked:
        channel = self._channels.get(address)
        if channel is None:
            channel = self._channels[address] = self._connect(name, address)
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_S)  # type: ignore[attr-defined]
        except grpc.aio.AioRpcError:
            return Checked(name, address, State.UNREACHABLE)
        serving = answer.status == health_pb2.HealthCheckResponse.SERVING
        return Checked(name, address, State.SERVING if serving else State.NOT_SERVING)
