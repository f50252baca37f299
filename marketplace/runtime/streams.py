"""Answering bidirectional streams whose messages carry numbers: each request has its own answer, or its own error.

A stream is read and written by its context (`read`, `write` of gRPC's asyncio server), not as an iterator through
generators: so what answers a message is what counts it, and knows when it came.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeVar

from grpc.aio import EOF

from marketplace.errors import InvalidArgument
from marketplace.runtime.bursts import Bursts
from marketplace.runtime.callers import count_request
from marketplace.runtime.calls import MethodCalls, of_stream, readable
from marketplace.runtime.rpc_errors import end_of, status_of

MAX_IN_FLIGHT: Final = 1_000
# Requests of a message that are taken in one piece of work. When a message was one piece, and pieces had no end, 64
# streams that sent a thousand each, nearly all refused, held up a health check for a second; now for 0.4 to 0.8.
_PIECE: Final = 16

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Packing:
    """How requests and answers travel in messages: at most `most` in each.

    `unpack` returns the requests of a message, `pack` makes a message of answers. `field` holds the requests.
    """

    unpack: Callable[[Any], Sequence[Any]]
    pack: Callable[[Sequence[Any]], Any]
    most: int
    field: str

    def requests_of(self, message: Any) -> Sequence[Any]:
        """Returns the requests of a message. Raises InvalidArgument where it has none, or too many."""
        requests = self.unpack(readable(message))
        if not 1 <= len(requests) <= self.most:
            raise InvalidArgument(f"must be 1 to {self.most:,}, not {len(requests):,}", self.field)
        return requests


ONE_EACH: Final = Packing(lambda message: (message,), lambda answers: answers[0], 1, "request")
"""Each message of the stream is a request, or an answer."""


async def answer_each(
    context: Any, answer: Callable[[Any], Any], response: Any, draining: asyncio.Event, bursts: Bursts
) -> None:
    """Answers each request of a stream before it reads the next.

    `answer` returns the response to a request, as a message or as its bytes; what it raises goes into a `response`,
    which is the method's type, as the error. It is called in bursts with those of other streams. When `draining` is
    set, the stream ends after the next answer: the client goes elsewhere.
    """
    calls = of_stream.get()

    def answered(request: Any) -> Any:
        try:
            count_request()
            made = answer(request)
        except Exception as error:
            return _refusal(error, request.sequence, response, calls, started_s)
        calls.answered(started_s)
        return made

    while (request := await context.read()) is not EOF:
        started_s = perf_counter()
        await context.write(await bursts.done(answered, readable(request)))
        if draining.is_set():
            return


async def answer_later(
    context: Any,
    begin: Callable[[Any], "asyncio.Future[Result]"],
    responding: Callable[[int, Result], Any],
    response: Any,
    draining: asyncio.Event,
    bursts: Bursts,
    max_in_flight: int = MAX_IN_FLIGHT,
    packing: Packing = ONE_EACH,
) -> None:
    """Answers each request of a stream when it is done, in whatever order. No task is made for a request.

    `begin` takes a request, in bursts with those of other streams; `responding` makes a response of its number and of
    what its future holds. What is raised goes into a `response`, which is the answers' type, as the error. Messages
    carry what `packing` says; what is done while another message is written leaves together.

    While `max_in_flight` wait for their answer the stream is not read on, and HTTP/2 flow control slows the client
    down. When `draining` is set, what was read is answered and the stream ends: the client goes elsewhere.
    Raises what reading the requests raises, once those before it are answered.
    """
    calls = of_stream.get()
    answers: deque[Any] = deque()
    unanswered = 0
    changed, room = asyncio.Event(), asyncio.Event()

    def answered(sequence: int, started_s: float, done: "asyncio.Future[Result]") -> None:
        if error := done.exception():
            assert isinstance(error, Exception)
            answers.append(_refusal(error, sequence, response, calls, started_s))
        else:
            calls.answered(started_s)
            answers.append(responding(sequence, done.result()))
        changed.set()

    def take(requests: Sequence[Any], started_s: float) -> None:
        for request in requests:
            try:
                count_request()
                done = begin(request)
            except Exception as error:
                answers.append(_refusal(error, request.sequence, response, calls, started_s))
                changed.set()
            else:
                done.add_done_callback(partial(answered, request.sequence, started_s))

    async def read() -> None:
        nonlocal unanswered
        while (message := await context.read()) is not EOF:
            requests = packing.requests_of(message)
            unanswered += len(requests)
            started_s = perf_counter()
            for start in range(0, len(requests), _PIECE):
                bursts.put(partial(take, requests[start : start + _PIECE], started_s))
            while unanswered >= max_in_flight:
                room.clear()
                await room.wait()

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: changed.set())
    stopping = asyncio.create_task(draining.wait())
    stopping.add_done_callback(lambda _: reader.cancel())
    try:
        while unanswered or not reader.done():
            if not answers:
                changed.clear()
                await changed.wait()
                continue
            leaving = [answers.popleft() for _ in range(min(len(answers), packing.most))]
            unanswered -= len(leaving)
            room.set()
            await context.write(packing.pack(leaving))
        if not reader.cancelled() and (problem := reader.exception()):
            raise problem
    finally:
        stopping.cancel()
        await asyncio.gather(reader, stopping, return_exceptions=True)


def _refusal(error: Exception, sequence: int, response: Any, calls: MethodCalls, started_s: float) -> Any:
    calls.failed(started_s, *end_of(error))
    return response(sequence=sequence, error=status_of(error))
