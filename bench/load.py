"""Who makes the calls: ghz where it can be had, else a client of our own in Python, which takes more of the machine."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc.aio
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub

Message = Mapping[str, Any]

_CALL_S: Final = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What became of some calls: how many messages were sent, in how many seconds, and the errors by their text."""

    messages: int
    seconds: float
    errors: Mapping[str, int]


class Loader(Protocol):
    """Makes calls of an AdServer."""

    name: str

    def unary(self, port: int, messages: Sequence[Message], calls: int, at_once: int, connections: int) -> Load:
        """Calls ServeAd so often, with each message in turn."""

    def streams(self, port: int, messages: Sequence[Message], streams: int, at_once: int) -> Load:
        """Opens so many streams of StreamAds, and sends every message on each."""

    def paced(self, port: int, messages: Sequence[Message], rate: int, seconds: int) -> Load:
        """Calls ServeAd so often a second, for so long."""


class PythonClient:
    """A Loader on asyncio."""

    name = "a Python client (ghz cannot be had here)"

    def unary(self, port: int, messages: Sequence[Message], calls: int, at_once: int, connections: int) -> Load:
        async def work() -> int:
            stubs = [AdServerStub(_channel(port)) for _ in range(connections)]
            left = iter(range(calls))

            async def worker(stub: Any) -> None:
                for n in left:
                    await stub.ServeAd(pb.ServeAdRequest(**messages[n % len(messages)]), timeout=_CALL_S)

            await asyncio.gather(*(worker(stubs[n % connections]) for n in range(at_once)))
            return calls

        return _run(work())

    def streams(self, port: int, messages: Sequence[Message], streams: int, at_once: int) -> Load:
        async def send() -> AsyncIterator[pb.StreamAdsRequest]:
            for n, message in enumerate(messages):
                yield pb.StreamAdsRequest(sequence=n, request=pb.ServeAdRequest(**message))

        async def work() -> int:
            left = iter(range(streams))

            async def worker() -> None:
                async with _channel(port) as channel:
                    for _ in left:
                        async for _ in AdServerStub(channel).StreamAds(send()):
                            pass

            await asyncio.gather(*(worker() for _ in range(at_once)))
            return streams * len(messages)

        return _run(work())

    def paced(self, port: int, messages: Sequence[Message], rate: int, seconds: int) -> Load:
        async def work() -> int:
            stub = AdServerStub(_channel(port))
            start = time.monotonic()
            for n in range(rate * seconds):
                await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
                await stub.ServeAd(pb.ServeAdRequest(**messages[n % len(messages)]), timeout=_CALL_S)
            return rate * seconds

        return _run(work())


def loader() -> Loader:
    """Returns ghz, built if need be, or our own client."""
    from bench.ghz import Ghz, NotToBeHadError

    try:
        return Ghz.build()
    except NotToBeHadError:
        return PythonClient()


def _channel(port: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])


def _run(work: Any) -> Load:
    start = time.monotonic()
    sent = asyncio.run(work)
    return Load(sent, time.monotonic() - start, {})
