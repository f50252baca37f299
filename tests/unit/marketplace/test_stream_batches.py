"""Streams whose messages carry several requests, and several answers."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from adplatform.v1 import feedback_handler_pb2 as pb
from stream_cases import Context, counted

from marketplace.errors import InvalidArgument, Overloaded
from marketplace.permissions import Role
from marketplace.runtime.bursts import Bursts
from marketplace.runtime.callers import Caller, current
from marketplace.runtime.streams import Packing, answer_later


class Batches(Context):
    """A stream of messages with several requests each."""

    def __init__(self, *messages: range) -> None:
        super().__init__()
        self._requests = [
            pb.StreamFeedbackBatchesRequest(requests=[pb.StreamFeedbackRequest(sequence=number) for number in numbers])
            for numbers in messages
        ]

    @property
    def ends(self) -> list[tuple[int, str]]:
        return [(one.sequence, one.error.message) for message in self.written for one in message.responses]


PACKING = Packing(
    lambda message: message.requests,
    lambda answers: pb.StreamFeedbackBatchesResponse(responses=answers),
    most=4,
    field="requests",
)


class Later:
    """Takes requests, and answers those that wait all at once; every third is refused."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[int]] = []

    def begin(self, request: Any) -> "asyncio.Future[int]":
        if request.sequence % 3 == 0:
            raise Overloaded
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def answer(self) -> None:
        for future in self.waiting:
            future.set_result(0)
        self.waiting.clear()

    def stream(self, context: Context, max_in_flight: int = 100, packing: Packing = PACKING) -> "asyncio.Future[None]":
        answers = pb.StreamFeedbackResponse
        responding = lambda sequence, _: answers(sequence=sequence)  # noqa: E731
        return asyncio.ensure_future(
            answer_later(
                *(context, self.begin, responding, answers, asyncio.Event(), Bursts(), max_in_flight), packing=packing
            )
        )


def test_several_requests_in_a_message_are_each_answered_and_answers_travel_together() -> None:
    async def run() -> None:
        later, context = Later(), Batches(range(4), range(4, 8), range(8, 11))
        stream = later.stream(context)
        await asyncio.sleep(0.05)
        assert context.ends == [(number, Overloaded().message) for number in (0, 3, 6, 9)]
        later.answer()
        await stream
        assert sorted(context.ends[4:]) == [(number, "") for number in (1, 2, 4, 5, 7, 8, 10)]
        assert [len(message.responses) for message in context.written[-2:]] == [PACKING.most, 3]

    calls = counted(run)
    assert calls.ends() == {("OK", ""): 7, ("RESOURCE_EXHAUSTED", "OVERLOADED"): 4}


@pytest.mark.parametrize("size", [0, 5])
def test_a_message_with_too_many_requests_or_none_ends_the_stream_after_the_answers_before_it(size: int) -> None:
    async def run() -> None:
        later, context = Later(), Batches(range(1, 3), range(10, 10 + size), range(20, 22))
        stream = later.stream(context)
        await asyncio.sleep(0.05)
        assert not stream.done()
        later.answer()
        with pytest.raises(InvalidArgument, match=f"requests: must be 1 to 4, not {size}"):
            await stream
        assert sorted(context.ends) == [(1, ""), (2, "")]

    counted(run)


def test_messages_of_several_are_not_read_on_while_too_many_wait() -> None:
    async def run() -> None:
        later, context = Later(), Batches(range(1, 3), range(4, 6), range(7, 9))
        stream = later.stream(context, max_in_flight=3)
        await asyncio.sleep(0.05)
        assert (context.read_so_far, len(later.waiting)) == (2, 4)
        for read_so_far in (2, 3):  # of four one more than may wait is left, then one less
            later.waiting.pop(0).set_result(0)
            await asyncio.sleep(0.02)
            assert context.read_so_far == read_so_far
        while not stream.done():
            later.answer()
            await asyncio.sleep(0)
        assert sorted(number for number, _ in context.ends) == [1, 2, 4, 5, 7, 8]

    counted(run)


def test_a_long_message_lets_other_things_come_between() -> None:
    class Slow(Later):
        def begin(self, request: Any) -> "asyncio.Future[int]":
            seen.append(request.sequence)
            time.sleep(0.001)
            if request.sequence == 1:
                asyncio.get_running_loop().call_soon(seen.append, "a health check")
            return super().begin(request)

    seen: list[int | str] = []

    async def run() -> None:
        later, context = Slow(), Batches(range(1, 60))
        stream = later.stream(context, packing=replace(PACKING, most=60))
        while not stream.done():
            later.answer()
            await asyncio.sleep(0)
        assert len(context.ends) == 59
        assert seen.index("a health check") <= 32

    counted(run)


def test_each_request_of_a_message_counts_on_the_callers_rate() -> None:
    async def run() -> None:
        current.set(Caller(name="app", role=Role.APP, rate=2))
        later, context = Later(), Batches(range(1, 3), range(4, 6))
        stream = later.stream(context)
        await asyncio.sleep(0.05)
        later.answer()
        await stream
        refused = [number for number, message in context.ends if message]
        assert sorted(refused) == [4, 5]

    counted(run)
