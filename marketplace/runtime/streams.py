"""Bidirectional streams: many requests in flight, answers as they are ready, within a bound."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")

MAX_IN_FLIGHT: Final = 1_000


async def answer_stream(
    requests: AsyncIterator[Request],
    begin: Callable[[Request, Callable[[Response], None]], None],
    draining: asyncio.Event,
    max_in_flight: int = MAX_IN_FLIGHT,
) -> AsyncIterator[Response]:
    """Answers every request of a stream.

    `begin` takes a request, and calls what it is given with the response: once, now or later, on the event loop. It
    must not raise. No task is made for a request.

    At most `max_in_flight` wait for their answer; then the stream is not read on, and HTTP/2 flow control slows the
    client down. When `draining` is set, what was read is answered and the stream ends: the client goes elsewhere.
    Raises what reading the requests raises, once those before it are answered.
    """
    answers: deque[Response] = deque()
    unanswered = 0
    changed, room = asyncio.Event(), asyncio.Event()

    def answered(response: Response) -> None:
        answers.append(response)
        changed.set()

    async def read() -> None:
        nonlocal unanswered
        async for request in requests:
            unanswered += 1
            begin(request, answered)
            if unanswered >= max_in_flight:
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
            unanswered -= 1
            room.set()
            yield answers.popleft()
        if not reader.cancelled() and (problem := reader.exception()):
            raise problem
    finally:
        stopping.cancel()
        await asyncio.gather(reader, stopping, return_exceptions=True)
