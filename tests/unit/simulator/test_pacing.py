"""Pacing: an absolute schedule, by a clock that only this test moves."""

import asyncio
from collections.abc import Callable

import pytest

from simulator.pacing import on_schedule


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + 0.003  # a sleep is always a little too long


def started(rate: float, duration_s: float, work: Callable[[int, FakeClock], None] = lambda *_: None) -> list[float]:
    """Returns when each number was yielded, in seconds after the start."""

    async def run() -> list[float]:
        clock = FakeClock()
        times = []
        async for number in on_schedule(rate, duration_s, clock, clock.sleep):
            assert number == len(times)
            times.append(clock.now - 1_000.0)
            work(number, clock)
        return times

    return asyncio.run(run())


def test_late_sleeps_do_not_add_up() -> None:
    times = started(100, 10)
    assert len(times) == 1_000
    assert all(0 <= time - number / 100 <= 0.004 for number, time in enumerate(times))


def test_what_is_overdue_is_caught_up_with_at_once() -> None:
    def stall(number: int, clock: FakeClock) -> None:
        if number == 100:
            clock.now += 2

    times = started(100, 10, stall)
    assert len(times) == 1_000
    assert max(times[101:300]) - times[101] < 0.01
    assert times[400] == pytest.approx(4.0, abs=0.005)


def test_a_slow_consumer_does_not_make_it_longer() -> None:
    def slow(number: int, clock: FakeClock) -> None:
        clock.now += 0.1

    times = started(100, 10, slow)
    assert len(times) == pytest.approx(100, abs=1)
    assert times[-1] < 10
