"""Waiting reads in threads: a few at a time, a bounded number that wait, none for longer than its deadline."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

from marketplace.errors import Overloaded, Unavailable

T = TypeVar("T")

_THREADS: Final = 8
_MAX_WAITING: Final = 64
_DEADLINE_S: Final = 12.0


class Reader:
    """Runs reads in threads; used on the event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="reading")
        self._waiting = 0

    async def __call__(self, work: Callable[..., T], *arguments: Any, deadline_s: float = _DEADLINE_S) -> T:
        """Returns what the work returns; raises what it raises, Overloaded, or Unavailable past the deadline."""
        if self._waiting >= _MAX_WAITING:
            raise Overloaded
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments))
        future.add_done_callback(self._done)  # a read past its deadline still holds its thread
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(future)
        except TimeoutError:
            raise Unavailable("reading takes too long, try again") from None

    def close(self) -> None:
        """Lets go of the threads, without waiting for reads that nobody waits for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # nobody may be there any more to take it
