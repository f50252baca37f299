"""`simulator run`: its wiring, and what it prints."""

import asyncio
import json
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

import grpc
import grpc.aio
import uvloop
from adplatform.v1 import ad_server_pb2, feedback_handler_pb2
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.console import Console

from marketplace.datafiles import DataFileError, Skipped, write_whole
from marketplace.money import format_nanos
from marketplace.runtime.channel import open_channel
from marketplace.runtime.credentials import Credentials
from marketplace.runtime.settings import BadSettingError
from simulator.asking import Asker, Patience
from simulator.behaviour import plan_visit
from simulator.pacing import on_schedule
from simulator.population import Population, usable
from simulator.progress import watching
from simulator.settings import RunSettings
from simulator.stats import Stats
from simulator.stream import Simulation
from simulator.users import build_users, open_users
from simulator.users_commands import show_skipped

_USERS_SEED: Final = 1
_CHECK_S: Final = 5.0
_AD_SERVER: Final = ad_server_pb2.DESCRIPTOR.services_by_name["AdServer"]
_FEEDBACK_HANDLER: Final = feedback_handler_pb2.DESCRIPTOR.services_by_name["FeedbackHandler"]


def run(settings: RunSettings, progress: Console, output: Console) -> int:
    """Runs the simulation; returns 0 when everything that was asked was answered.

    Raises DataFileError for a bad users file and BadSettingError for servers that do not answer.
    """
    people = _people(settings, progress)
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    stats, whole = uvloop.run(_simulate(settings, people, seed, progress))
    result = {"seed": seed, "users": len(people), "rate": settings.rate, **stats}
    if settings.result:
        with write_whole(settings.result) as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    output.print(summary(result), highlight=False, soft_wrap=True)
    return 0 if whole and not result["failed"] else 1


def summary(result: Mapping[str, Any]) -> str:
    """Returns a result for people."""
    lines = [
        f"{result['requests']:,} requests in {result['duration_s']:,.1f} s (seed {result['seed']}): "
        f"{result['serves']:,} ads, {result['ads_per_second']:,.0f} a second; {result['no_ads']:,} without an ad",
        f"{result['feedbacks']:,} feedbacks, {result['repeats']:,} of them repeats: {result['views']:,} views, "
        f"{result['clicks']:,} clicks, {result['acquisitions']:,} acquisitions",
        f"charged {format_nanos(result['charged_nanos'])}",
        f"ads p50 {result['serve_p50_ms']} ms, p99 {result['serve_p99_ms']} ms; "
        f"feedback p50 {result['feedback_p50_ms']} ms, p99 {result['feedback_p99_ms']} ms",
    ]
    lines += [f"sent again {count:,} times: {reason}" for reason, count in result["resent"].items()]
    lines += [f"failed {count:,} times: {reason}" for reason, count in result["errors"].items()]
    if result["abandoned"]:
        lines.append(f"abandoned {result['abandoned']:,} users in flight")
    return "\n".join(lines)


def _people(settings: RunSettings, console: Console) -> Population:
    skipped = Skipped()
    seed = _USERS_SEED if settings.seed is None else settings.seed
    if settings.users:
        people = Population(usable(open_users(settings.users, seed, skipped), skipped))
    else:
        people = Population(build_users(settings.user_count, seed))
    show_skipped(skipped, console)
    if not len(people):
        raise DataFileError(f"{settings.users}: holds no usable user")
    return people


async def _simulate(
    settings: RunSettings, people: Population, seed: int, console: Console
) -> tuple[dict[str, Any], bool]:
    async with AsyncExitStack() as stack:
        credentials = Credentials.of(settings)
        ad_channel = await stack.enter_async_context(open_channel(settings.ad_server, credentials, "adserver"))
        feedback_channel = await stack.enter_async_context(
            open_channel(settings.feedback_handler, credentials, "feedback-handler")
        )
        within = settings.connect_seconds
        await _await_service(ad_channel, _AD_SERVER, settings.ad_server, within)
        await _await_service(feedback_channel, _FEEDBACK_HANDLER, settings.feedback_handler, within)

        stats = Stats()
        patience = Patience(settings.deadline_seconds)
        open_ads = partial(AdServerStub(ad_channel).StreamAds, wait_for_ready=True)
        open_feedback = partial(FeedbackHandlerStub(feedback_channel).StreamFeedback, wait_for_ready=True)
        ads = await stack.enter_async_context(Asker(open_ads, settings.streams, patience, stats.resent))
        feedback = await stack.enter_async_context(Asker(open_feedback, settings.streams, patience, stats.resent))
        plan = partial(plan_visit, seed, people=people, habits=settings.habits)
        simulation = Simulation(ads, feedback, plan, stats, settings.in_flight)
        await stack.enter_async_context(watching(stats, settings.duration_s, console))
        _on_signals(simulation.stop)
        with suppress(asyncio.CancelledError):  # a second signal: nothing in flight is waited for
            await simulation.run(on_schedule(settings.rate, settings.duration_s, time.monotonic, asyncio.sleep))
        return stats.result(), stats.in_flight == 0


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task

    def again() -> None:
        task.cancel()

    def first() -> None:
        stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, again)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, first)


async def _await_service(
    channel: grpc.aio.Channel, service: ServiceDescriptor, addresses: str, within_s: float
) -> None:
    """Waits until a server is SERVING, and makes sure that it is the right one. Raises BadSettingError."""
    try:
        await asyncio.wait_for(channel.channel_ready(), within_s)
        request = health_pb2.HealthCheckRequest(service=service.full_name)
        health: Any = health_pb2_grpc.HealthStub(channel)
        await health.Check(request, timeout=_CHECK_S, wait_for_ready=True)
    except TimeoutError:
        raise BadSettingError(f"no {service.name} is serving at {addresses} (waited {within_s:g} s)") from None
    except grpc.aio.AioRpcError as problem:
        found = "is no" if problem.code() is grpc.StatusCode.NOT_FOUND else f"{problem.code().name} from the"
        raise BadSettingError(f"{addresses}: {found} {service.name}") from None
