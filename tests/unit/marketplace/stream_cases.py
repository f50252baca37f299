"""A stream without a server, for the tests of streams."""

import asyncio
from collections.abc import Callable
from typing import Any

from adplatform.v1 import ad_server_pb2 as pb
from grpc.aio import EOF

from marketplace.runtime.calls import MethodCalls, of_stream


class Context:
    """A stream of requests with numbers; after them it stays open for as long as `more` is not set."""

    def __init__(self, *numbers: int, open_ended: bool = False) -> None:
        self._requests: list[Any] = [pb.StreamAdsRequest(sequence=number) for number in numbers]
        self.more = asyncio.Event()
        if not open_ended:
            self.more.set()
        self.read_so_far = 0
        self.written: list[Any] = []

    async def read(self) -> Any:
        await asyncio.sleep(0)
        if self._requests:
            self.read_so_far += 1
            return self._requests.pop(0)
        await self.more.wait()
        return EOF

    async def write(self, response: Any) -> None:
        await asyncio.sleep(0)
        self.written.append(response)

    @property
    def ends(self) -> list[tuple[int, str]]:
        return [(response.sequence, response.error.message) for response in self.written]


def counted(stream: Callable[[], Any]) -> MethodCalls:
    """Runs a stream; returns what it has counted."""
    calls = MethodCalls()

    async def run() -> None:
        of_stream.set(calls)
        async with asyncio.timeout(10):
            await stream()

    asyncio.run(run())
    return calls
