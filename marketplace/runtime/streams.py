"""Bidirectional streams: many requests in flight, answers as they are ready, within a bound."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")

MAX_IN_FLIGHT: Final = 1_000


async def answer_stream(
    requests: AsyncIterator[Request],
    answer: Callable[[Request], Awaitable[Response]],
    draining: asyncio.Event,
    max_in_flight: int = MAX_IN_FLIGHT,
) -> AsyncIterator[Response]:
    """Answers every request of a stream; `answer` must not raise.

    At most `max_in_flight` wait for their answer; then the stream is not read on, and HTTP/2 flow control slows the
    client down. When `draining` is set, what was read is answered and the stream ends: the client goes elsewhere.
    """
    ready: asyncio.Queue[Response | None] = asyncio.Queue()  # None: nothing more is read
    room = asyncio.Semaphore(max_in_flight)
    in_flight: set[asyncio.Task[None]] = set()

    async def answer_one(request: Request) -> None:
        ready.put_nowait(await answer(request))

    async def read() -> None:
        async for request in requests:
            task = asyncio.create_task(answer_one(request))
            in_flight.add(task)
            task.add_done_callback(in_flight.discard)
            await room.acquire()

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: ready.put_nowait(None))
    stopping = asyncio.create_task(draining.wait())
    stopping.add_done_callback(lambda _: reader.cancel())
    reading = True
    try:
        while reading or in_flight or not ready.empty():
            response = await ready.get()
            if response is None:
                reading = False
                continue
            room.release()
            yield response
    finally:
        stopping.cancel()
        await asyncio.gather(reader, stopping, return_exceptions=True)
