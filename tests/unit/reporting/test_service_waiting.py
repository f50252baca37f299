"""What the reporting service does where answers take long: kept ones, bounds, deadlines, a log that goes away."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from marketplace.errors import Overloaded, Unavailable
from marketplace.ports import Bounds, Record
from reporting.service.follower import Follower
from reporting.service.fresh import Fresh
from reporting.service.reading import Reader

PATIENCE_S = 20.0


def test_a_value_is_kept_made_anew_and_never_too_old() -> None:
    now, made = [0.0], []
    done = threading.Event()

    def make(key: str) -> int:
        made.append(key)
        done.set()
        return len(made)

    fresh = Fresh(make, fresh_s=1.0, stale_s=10.0, clock_s=lambda: now[0])
    assert fresh.get("a", PATIENCE_S) == fresh.get("a", PATIENCE_S) == 1
    now[0] = 5.0
    done.clear()
    assert fresh.get("a", PATIENCE_S) == 1, "the old one is answered while a new one is made"
    assert done.wait(PATIENCE_S)
    now[0] = 100.0
    assert fresh.get("a", PATIENCE_S) == len(made) >= 2


def test_many_who_ask_wait_for_one_making() -> None:
    going, made = threading.Event(), []

    def make(key: str) -> int:
        going.wait(PATIENCE_S)
        made.append(key)
        return len(made)

    fresh = Fresh(make, fresh_s=60.0, stale_s=60.0)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(fresh.get("a", PATIENCE_S))) for _ in range(8)]
    for thread in threads:
        thread.start()
    with pytest.raises(Unavailable):
        fresh.get("a", 0.01)
    going.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert found == [1] * 8


def test_what_making_raises_is_raised_and_not_kept() -> None:
    answers: list[int | Exception] = [Unavailable(), 7]

    def make(_: str) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    fresh = Fresh(make, fresh_s=60.0, stale_s=60.0)
    with pytest.raises(Unavailable):
        fresh.get("a", PATIENCE_S)
    assert fresh.get("a", PATIENCE_S) == 7


def test_so_many_are_made_and_kept_and_no_more() -> None:
    going = threading.Event()
    fresh = Fresh(lambda key: going.wait(PATIENCE_S) and key, fresh_s=60.0, stale_s=60.0, capacity=2)
    for key in (1, 2):
        with pytest.raises(Unavailable):
            fresh.get(key, 0.01)
    with pytest.raises(Overloaded):
        fresh.get(3, 0.01)
    going.set()


def test_reads_have_a_deadline_and_a_bound() -> None:
    async def work() -> None:
        read, going = Reader(), threading.Event()
        assert await read(lambda number: number + 1, 1) == 2
        with pytest.raises(Unavailable):
            await read(going.wait, PATIENCE_S, deadline_s=0.05)
        waiting = [asyncio.ensure_future(read(going.wait, PATIENCE_S)) for _ in range(63)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await read(going.wait, PATIENCE_S)
        going.set()
        assert await asyncio.gather(*waiting) == [True] * 63
        assert await read(lambda: 3) == 3
        read.close()

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S * 2))


class ShakyLog:
    """A log of one partition that goes away after every second poll."""

    def __init__(self, stop: threading.Event, start: int, end: int) -> None:
        self.held, self.stop, self.polls = Bounds(start, end), stop, 0

    def consumer(self, topic: str, group: str, assignment: Any) -> "ShakyLog":
        self.position = assignment.assigned({0: self.held}, {})[0]
        return self

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.polls += 1
        if self.polls % 3 == 0:
            raise Unavailable
        records = [
            Record("t", 0, offset, offset * 10, None, b"")
            for offset in range(self.position, min(self.position + 2, self.held.end))
        ]
        self.position += len(records)
        if not records:
            self.stop.set()
        return records

    def close(self) -> None: ...


@pytest.mark.parametrize(("backlog", "first", "since"), [(4, 6, 60), (100, 0, 0)])
def test_a_follower_reads_the_end_once_whatever_happens(
    backlog: int, first: int, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.service.follower._PAUSE_S", 0.001)
    stop = threading.Event()
    seen: list[int] = []
    begun: list[int] = []

    def take(records: Sequence[Record]) -> None:
        seen.extend(record.offset for record in records)

    log: Any = ShakyLog(stop, 0, 10)
    follower = Follower(log, "t", backlog, take, begun.append, lambda: 999)
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    thread.join(PATIENCE_S)
    assert seen == list(range(first, 10)) and begun[0] == since
