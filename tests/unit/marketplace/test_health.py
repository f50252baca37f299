"""The health service says what is the case, for the process and for each of its services."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from grpc_health.v1 import health_pb2

from marketplace.runtime.health import Health

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ("", "adplatform.v1.AdServer")


async def state(health: Health, name: str) -> int:
    context: Any = None
    answer = await health._servicer.Check(health_pb2.HealthCheckRequest(service=name), context)
    return int(answer.status)


def followed(able: Callable[[], bool] | None, watch: Callable[[Health], Awaitable[None]]) -> Health:
    """Follows `able` for as long as `watch` takes."""

    async def run() -> Health:
        health = Health(NAMES[1:], able)
        await health.say(False)
        following = asyncio.ensure_future(health.follow())
        try:
            await asyncio.wait_for(watch(health), 10)
        finally:
            following.cancel()
        return health

    return asyncio.run(run())


async def until(health: Health, wanted: int) -> None:
    for _ in range(1_000):
        if [await state(health, name) for name in NAMES] == [wanted] * len(NAMES):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not in ten seconds")


def test_it_follows_what_the_process_can_do() -> None:
    able = [True]

    async def watch(health: Health) -> None:
        for possible, wanted in ((True, SERVING), (False, NOT_SERVING), (True, SERVING)):
            able[0] = possible
            await until(health, wanted)

    health = followed(lambda: able[0], watch)
    serving, lag = health.figures()
    assert serving.read() == 1
    assert lag.read().count > 0  # type: ignore[union-attr]


def test_who_cannot_tell_is_not_ready_and_is_asked_again() -> None:
    problems: list[Exception] = []

    def able() -> bool:
        if problems:
            raise problems.pop()
        return True

    async def watch(health: Health) -> None:
        await until(health, SERVING)
        problems.append(RuntimeError("a defect"))
        await until(health, NOT_SERVING)
        await until(health, SERVING)

    assert followed(able, watch).serving


def test_without_a_condition_it_serves() -> None:
    assert followed(None, lambda health: until(health, SERVING)).serving
