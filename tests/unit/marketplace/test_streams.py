"""Streams: an answer or an error for each request, in bursts, within a bound, to the end."""

import asyncio
from typing import Any

import pytest
from adplatform.v1 import ad_server_pb2 as pb
from stream_cases import Context, counted

from marketplace.errors import InvalidArgument, Overloaded, Unauthenticated
from marketplace.permissions import Role
from marketplace.runtime.bursts import Bursts
from marketplace.runtime.callers import Caller, current
from marketplace.runtime.streams import answer_each, answer_later


def responding(sequence: int, result: Any = None) -> Any:
    return pb.StreamAdsResponse(sequence=sequence)


def test_each_request_has_its_answer_or_its_error() -> None:
    async def run() -> None:
        def answer(request: Any) -> Any:
            if request.sequence == 2:
                raise Overloaded
            return responding(request.sequence)

        context = Context(1, 2, 3, 3)
        await answer_each(context, answer, pb.StreamAdsResponse, asyncio.Event(), Bursts())
        assert context.ends == [(1, ""), (2, Overloaded().message), (3, ""), (3, "")]

    calls = counted(run)
    assert calls.ends() == {("OK", ""): 3, ("RESOURCE_EXHAUSTED", "OVERLOADED"): 1}
    assert calls.seconds.count == 4


def test_bytes_that_are_no_request_end_the_stream() -> None:
    async def run() -> None:
        context = Context(1)
        context._requests.append(InvalidArgument("is not a message of this method", "request"))
        with pytest.raises(InvalidArgument):
            await answer_each(
                context, lambda request: responding(request.sequence), pb.StreamAdsResponse, asyncio.Event(), Bursts()
            )
        assert context.ends == [(1, "")]

    counted(run)


def test_answers_that_come_later_come_in_any_order() -> None:
    async def run() -> None:
        waiting: dict[int, asyncio.Future[int]] = {}

        def begin(request: Any) -> "asyncio.Future[int]":
            if request.sequence == 2:
                raise Overloaded
            waiting[request.sequence] = asyncio.get_running_loop().create_future()
            if len(waiting) == 2:
                waiting[3].set_result(0)
                waiting[1].set_exception(InvalidArgument("is missing", "receipt"))
            return waiting[request.sequence]

        context = Context(1, 2, 3)
        await answer_later(context, begin, responding, pb.StreamAdsResponse, asyncio.Event(), Bursts())
        assert sorted(context.ends) == [(1, "receipt: is missing"), (2, Overloaded().message), (3, "")]

    calls = counted(run)
    assert calls.seconds.count == 3
    assert calls.ends()["OK", ""] == 1


def test_no_more_is_read_than_may_wait() -> None:
    async def run() -> None:
        waiting: list[asyncio.Future[int]] = []

        def begin(request: Any) -> "asyncio.Future[int]":
            waiting.append(asyncio.get_running_loop().create_future())
            return waiting[-1]

        context = Context(*range(10))
        stream = asyncio.ensure_future(
            answer_later(context, begin, responding, pb.StreamAdsResponse, asyncio.Event(), Bursts(), max_in_flight=4)
        )
        await asyncio.sleep(0.05)
        assert (context.read_so_far, len(waiting)) == (4, 4)
        while not stream.done():
            for future in waiting:
                if not future.done():
                    future.set_result(0)
            await asyncio.sleep(0)
        assert sorted(context.ends) == [(number, "") for number in range(10)]

    counted(run)


def test_a_stream_that_drains_answers_what_was_read() -> None:
    async def run() -> None:
        draining = asyncio.Event()
        waiting: list[asyncio.Future[int]] = []

        def begin(request: Any) -> "asyncio.Future[int]":
            waiting.append(asyncio.get_running_loop().create_future())
            return waiting[-1]

        context = Context(1, 2, open_ended=True)
        stream = asyncio.ensure_future(
            answer_later(context, begin, responding, pb.StreamAdsResponse, draining, Bursts())
        )
        await asyncio.sleep(0.05)
        draining.set()
        await asyncio.sleep(0.05)
        assert not stream.done()
        for future in waiting:
            future.set_result(0)
        await stream
        assert context.ends == [(1, ""), (2, "")]

    counted(run)


@pytest.mark.parametrize("later", [False, True])
def test_each_stream_counts_on_its_own_caller_also_in_one_burst(later: bool) -> None:
    async def run() -> None:
        bursts = Bursts()

        def begin(request: Any) -> "asyncio.Future[int]":
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            future.set_result(0)
            return future

        async def stream(revoked: bool) -> list[tuple[int, str]]:
            current.set(Caller(name="app", role=Role.APP, revoked=revoked))
            context, ended = Context(1, 2, 3), asyncio.Event()
            if later:
                await answer_later(context, begin, responding, pb.StreamAdsResponse, ended, bursts)
            else:
                answer = lambda request: responding(request.sequence)  # noqa: E731
                await answer_each(context, answer, pb.StreamAdsResponse, ended, bursts)
            return sorted(context.ends)

        for first in (False, True):  # whoever begins the burst
            allowed = [(number, "") for number in (1, 2, 3)]
            refused = [(number, Unauthenticated().message) for number in (1, 2, 3)]
            found = await asyncio.gather(stream(first), stream(not first))
            assert found == ([refused, allowed] if first else [allowed, refused])

    counted(run)
