"""Work of several calls, done in one go."""

import asyncio
import time
from contextvars import ContextVar

import pytest

from marketplace.runtime.bursts import Bursts, PausingBursts


@pytest.mark.parametrize("kind", [Bursts, PausingBursts])
def test_each_has_what_its_work_returns_or_raises(kind: type[Bursts]) -> None:
    async def run() -> None:
        bursts = kind()
        results = await asyncio.gather(
            *(bursts.done(lambda number: 6 // number, number) for number in (3, 0, 2)), return_exceptions=True
        )
        assert [results[0], results[2]] == [2, 3]
        assert isinstance(results[1], ZeroDivisionError)

    asyncio.run(run())


@pytest.mark.parametrize("kind", [Bursts, PausingBursts])
def test_each_is_done_in_the_name_of_who_asked(kind: type[Bursts]) -> None:
    name: ContextVar[int] = ContextVar("name")

    async def run() -> None:
        bursts = kind()

        async def ask(number: int) -> tuple[int, int]:
            name.set(number)
            return number, await bursts.done(lambda _: name.get(), None)

        assert all(own == seen for own, seen in await asyncio.gather(*map(ask, range(5))))

    asyncio.run(run())


@pytest.mark.parametrize("kind", [Bursts, PausingBursts])
def test_nothing_is_done_for_who_has_gone(kind: type[Bursts]) -> None:
    async def run() -> None:
        bursts = kind()
        done: list[int] = []
        first, second = (bursts.done(done.append, number) for number in (1, 2))
        first.cancel()
        await second
        assert done == [2]

    asyncio.run(run())


@pytest.mark.parametrize("kind", [Bursts, PausingBursts])
def test_long_work_lets_other_things_come_between_and_keeps_its_order(kind: type[Bursts]) -> None:
    async def run() -> None:
        loop, bursts, seen = asyncio.get_running_loop(), kind(), list[str]()

        def work(name: str) -> str:
            time.sleep(0.003)
            seen.append(name)
            if name == "first":
                loop.call_soon(seen.append, "a health check")
                more.append(bursts.done(work, "third"))
            return name

        more: list[asyncio.Future[str]] = []
        await asyncio.gather(bursts.done(work, "first"), bursts.done(work, "second"))
        await asyncio.gather(*more)
        assert seen == ["first", "a health check", "second", "third"]

    asyncio.run(run())


def test_what_comes_turn_by_turn_is_done_together_within_a_bound() -> None:
    async def run() -> None:
        bursts = Bursts()
        done: list[int] = []
        sizes: list[int] = []
        for number in range(200):
            before = len(done)
            bursts.put(lambda number=number: done.append(number))  # type: ignore[misc]
            await asyncio.sleep(0)
            if len(done) > before:
                sizes.append(len(done) - before)
        await asyncio.sleep(0.01)
        assert done == list(range(200))
        assert max(sizes) == 64

    asyncio.run(run())


def test_who_calls_alone_is_not_kept_waiting() -> None:
    async def run() -> list[float]:
        bursts = PausingBursts()
        took_s: list[float] = []
        for _ in range(20):
            await asyncio.sleep(0.01)
            start = time.perf_counter()
            await bursts.done(str, 1)
            took_s.append(time.perf_counter() - start)
        return took_s

    assert sorted(asyncio.run(run()))[10] < 0.001


def test_in_a_crowd_calls_wait_a_millisecond_for_each_other() -> None:
    async def run() -> None:
        bursts = PausingBursts()
        done: list[int] = []
        bursts.put(lambda: done.append(0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert done == [0]
        for number in (1, 2, 3):
            bursts.put(lambda number=number: done.append(number))  # type: ignore[misc]
            await asyncio.sleep(0)
        assert done == [0]
        await asyncio.sleep(0.02)
        assert done == [0, 1, 2, 3]

    asyncio.run(run())


def test_of_two_processes_each_waits_twice_as_long() -> None:
    async def waited_s(processes: int) -> float:
        bursts = PausingBursts(processes)
        await bursts.done(str, 1)
        start = time.perf_counter()
        await bursts.done(str, 2)
        return time.perf_counter() - start

    async def run() -> list[float]:
        return [min([await waited_s(processes) for _ in range(20)]) for processes in (1, 2, 100)]

    one, two, many = asyncio.run(run())
    assert 0.001 <= one < 0.002 <= two < 0.004 <= many < 0.006
