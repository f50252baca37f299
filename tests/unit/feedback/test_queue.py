"""The queue before the charging transaction: bounded, in batches, and nobody waits for an answer in vain."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from feedback.charger import Answer, ChargeRules, Claim
from feedback.charging import Account, Charge, Entry
from feedback.queue import ChargeQueue
from marketplace.errors import Overloaded, Unavailable
from marketplace.feedback import Action
from marketplace.serve import Terms
from marketplace.slots import SlotGrid

TERMS = Terms("r", "unknown", 0, 1, 1, b"")
CLAIM = Claim(TERMS, Action.CLICK)


class KnownStore:
    """A store whose ledger knows the click already; notes how many serves each transaction asks for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.broken = False

    @contextmanager
    def charging(self) -> Iterator["KnownStore"]:
        if self.broken:
            raise RuntimeError("a text that no client may see")
        yield self

    def lock_accounts(self, campaign_ids: set[str]) -> dict[str, Account]:
        return {}

    def histories(self, request_ids: set[str]) -> dict[str, list[Entry]]:
        self.asked.append(len(request_ids))
        return {request_id: [Entry(Action.CLICK, 7, 7, 0)] for request_id in request_ids}

    def record(self, charges: list[Charge]) -> None:
        raise AssertionError("nothing is to be charged")


def queue_on(store: KnownStore, capacity: int = 10, max_wait_s: float = 60.0) -> ChargeQueue:
    rules = ChargeRules(SlotGrid(), 1_000)
    bounds = {"batch_size": 4, "capacity": capacity, "max_wait_s": max_wait_s}
    return ChargeQueue(store, lambda: 0, rules, **bounds)  # type: ignore[arg-type]


async def charged(store: KnownStore, count: int, capacity: int = 10) -> list[Answer | BaseException]:
    """Queues claims before the thread begins, so that the batches are known; returns what each was answered."""
    queue, stop = queue_on(store, capacity), threading.Event()
    asking = [asyncio.ensure_future(queue.charge(CLAIM)) for _ in range(count)]
    await asyncio.sleep(0)
    thread = threading.Thread(target=queue.run, args=(stop,))
    thread.start()
    answers = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 10)
    stop.set()
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()
    return answers


def test_what_has_queued_is_charged_in_batches() -> None:
    store = KnownStore()
    answers = asyncio.run(charged(store, 10))
    assert answers == [Answer("r", repeat=True, charged_nanos=7)] * 10
    assert len(store.asked) == 3


def test_one_more_than_fits_is_refused_at_once_and_the_rest_is_answered() -> None:
    answers = asyncio.run(charged(KnownStore(), 7, capacity=5))
    assert [type(answer) for answer in answers] == [Answer] * 5 + [Overloaded] * 2


def test_a_store_that_fails_answers_everyone_and_says_nothing_of_its_own() -> None:
    store = KnownStore()
    store.broken = True
    answers = asyncio.run(charged(store, 5))
    assert [type(answer) for answer in answers] == [Unavailable] * 5
    assert "no client may see" not in " ".join(map(str, answers))


def test_what_nobody_waits_for_any_more_is_not_charged() -> None:
    asked: list[set[str]] = []

    class AskedStore(KnownStore):
        def histories(self, request_ids: set[str]) -> dict[str, list[Entry]]:
            asked.append(set(request_ids))
            return super().histories(request_ids)

    async def charged_after_a_caller_left() -> Answer:
        queue, stop = queue_on(AskedStore()), threading.Event()
        claims = [Claim(replace(TERMS, request_id=name), Action.CLICK) for name in ("gone", "stays")]
        gone, stays = (asyncio.ensure_future(queue.charge(claim)) for claim in claims)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        thread = threading.Thread(target=queue.run, args=(stop,))
        thread.start()
        answer = await asyncio.wait_for(stays, 10)
        stop.set()
        await asyncio.to_thread(thread.join, 10)
        return answer

    assert asyncio.run(charged_after_a_caller_left()).charged_nanos == 7
    assert asked == [{"stays"}]


def test_what_would_wait_too_long_is_refused_and_told_when_to_come_again() -> None:
    charging = threading.Semaphore(0)

    class SlowStore(KnownStore):
        @contextmanager
        def charging(self) -> Iterator[KnownStore]:
            charging.release()
            time.sleep(0.4)
            yield self

    async def charged_then_asked() -> Overloaded:
        queue, stop = queue_on(SlowStore(), capacity=100, max_wait_s=0.1), threading.Event()
        thread = threading.Thread(target=queue.run, args=(stop,))
        thread.start()

        async def under_way() -> asyncio.Future[Answer]:
            asking = asyncio.ensure_future(queue.charge(CLAIM))
            assert await asyncio.to_thread(charging.acquire, True, 10)
            return asking

        await (await under_way())  # took 0.4 s: the next are reckoned to take as long
        busy = await under_way()
        waits = [queue.put(CLAIM) for _ in range(4)]  # a batch may wait, however slow the last ones were
        with pytest.raises(Overloaded) as refused:
            queue.check_room()
        await asyncio.gather(busy, *waits)
        queue.check_room()
        stop.set()
        await asyncio.to_thread(thread.join, 10)
        return refused.value

    assert asyncio.run(charged_then_asked()).retry_after_s >= 0.2
