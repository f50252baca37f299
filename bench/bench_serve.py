"""ServeAd and StreamAds of a running ad server: processor time beside an empty echo, workers, memory, time to start.

The floor answers with replies of the same size and does nothing else. Both run at once, and take turns: a round of
calls to the one, a round to the other. Figures are medians over the rounds of user and system time per call or message.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import grpc
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub

from bench import handler, machine, servers, store
from bench.campaigns import requests
from bench.load import Load, Loader, loader
from bench.servers import Server
from bench.table import Figure

CAMPAIGNS: Final = 100_000
MANY: Final = 1_000_000
USERS: Final = 500_000
_ROUNDS: Final = 5
_CALLS: Final = 10_000
_STREAMS: Final = 16
_CONNECTIONS: Final = 64
_CALL_S: Final = 10


def run() -> list[Figure]:
    """Measures all of it, in five minutes."""
    load = loader()
    kept = store.filled(CAMPAIGNS, USERS)
    begun = time.monotonic()
    with servers.ad_server(kept) as ours:
        assert _ask(ours.port, 1).ads
        first_s = time.monotonic() - begun
        one, ten = (_mean_size(ours.port, ad_count) for ad_count in (1, 10))
        with servers.echo(one) as floor:
            figures = [*_unary(load, floor, ours), *_streams(load, floor, ours)]
        with servers.echo(ten) as floor:
            figures += _ten_ads(load, floor, ours)
    together, apart = handler.ad_us(kept, messages(_CALLS))
    figures.append(Figure("an ad without gRPC, one after another", together, "us"))
    figures.append(Figure("an ad without gRPC, 300 us of rest between two", apart, "us"))
    figures.append(Figure.at_most(f"start to first ad, {CAMPAIGNS:,} campaigns, {USERS:,} users", first_s, "s", 5))
    figures += _workers(load, kept)
    with servers.ad_server(store.filled(MANY, USERS)) as ours:
        figures.append(Figure(f"start, {MANY:,} campaigns, {USERS:,} users", ours.started_s, "s"))
        held = ours.resident_bytes() / 1e9
    return [*figures, Figure.at_most(f"memory at {MANY:,} campaigns, {USERS:,} users", held, "GB", 1.5)]


def notes() -> list[str]:
    """Says who made the calls."""
    return [f"load from {loader().name}"]


def messages(count: int, ad_count: int = 1, seed: int = 5) -> list[dict[str, Any]]:
    """Makes requests of users drawn from those in the store."""
    users = random.Random(seed).sample(store.user_ids(USERS), count)
    named = ("city", "state", "country", "device_type")
    return [
        {"user_id": user, "ad_count": ad_count, **{name: getattr(request, name) for name in named}}
        for user, request in zip(users, requests(count, seed), strict=True)
    ]


def _unary(load: Loader, floor: Server, ours: Server) -> list[Figure]:
    asked = messages(_CALLS)
    us, rates = _in_turn([floor, ours], lambda server: load.unary(server.port, asked, _CALLS, 16, 4))
    return [
        Figure.beside("ServeAd, CPU of the server per call", us[1], "us", us[0], 1.25),
        Figure.beside("ServeAd, calls a second, one worker", rates[1], "/s", rates[0]),
    ]


def _streams(load: Loader, floor: Server, ours: Server) -> list[Figure]:
    asked = messages(1_000)
    us, rates = _in_turn([floor, ours], lambda server: load.streams(server.port, asked, _STREAMS * 2, _STREAMS))
    return [
        Figure.beside("StreamAds on 16 streams, CPU of the server per ad", us[1], "us", us[0], 1.6),
        Figure.beside("StreamAds on 16 streams, ads a second, one worker", rates[1], "/s", rates[0]),
    ]


def _ten_ads(load: Loader, floor: Server, ours: Server) -> list[Figure]:
    asked = messages(250, ad_count=10)
    us, _ = _in_turn([floor, ours], lambda server: load.streams(server.port, asked, _STREAMS, _STREAMS))
    return [Figure.at_most("StreamAds, ten ads a request, CPU of the server per ad", us[1] / 10, "us", 25)]


def _workers(load: Loader, kept: Any) -> list[Figure]:
    """Compares two workers with one, and counts which of them a connection comes to."""
    asked = messages(_CALLS)
    with ExitStack() as stack:
        both = [stack.enter_context(servers.ad_server(kept, count)) for count in (1, 2)]
        us, rates = _in_turn(both, lambda server: load.unary(server.port, asked, _CALLS, _CONNECTIONS, _CONNECTIONS))
        busier = _share_of_busier(both[1])
    return [
        Figure.beside("two workers, CPU per ad beside one", us[1], "us", us[0], 1.1),
        Figure.beside("two workers, ads a second beside one", rates[1], "/s", rates[0]),
        Figure(f"two workers, share of {_CONNECTIONS} connections at the busier", busier, ""),
    ]


def _in_turn(several: Sequence[Server], calls: Callable[[Server], Load]) -> tuple[list[float], list[float]]:
    """Makes calls of each server in turn; returns CPU microseconds a message of each, and messages a second."""
    us: list[list[float]] = [[] for _ in several]
    rates: list[list[float]] = [[] for _ in several]
    for server in several:
        calls(server)  # connections and caches are warm after this
    for _ in range(_ROUNDS):
        for place, server in enumerate(several):
            before = server.cpu_seconds()
            done = calls(server)
            if done.errors:
                raise RuntimeError(f"calls failed: {dict(done.errors)}")
            us[place].append((server.cpu_seconds() - before) / done.messages * 1e6)
            rates[place].append(done.messages / done.seconds)
    return [machine.median(each) for each in us], [machine.median(each) for each in rates]


def _share_of_busier(server: Server) -> float:
    with ExitStack() as stack:
        for _ in range(_CONNECTIONS):
            channel = stack.enter_context(_channel(server.port))
            AdServerStub(channel).ServeAd(pb.ServeAdRequest(), timeout=_CALL_S)
        counts = [machine.connections(pid, server.port) for pid in server.pids()]
    return max(counts) / sum(counts)


def _mean_size(port: int, ad_count: int) -> int:
    sizes = [_ask(port, ad_count, message).ByteSize() for message in messages(200, ad_count)]
    return sum(sizes) // len(sizes)


def _ask(port: int, ad_count: int, message: dict[str, Any] | None = None) -> pb.ServeAdResponse:
    request = pb.ServeAdRequest(**message) if message else pb.ServeAdRequest(ad_count=ad_count)
    with _channel(port) as channel:
        response: pb.ServeAdResponse = AdServerStub(channel).ServeAd(request, timeout=_CALL_S)
    return response


def _channel(port: int) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
