"""Work of several calls done in one go.

Between two calls gRPC and the kernel do so much that the processor has forgotten, in caches and branch predictions,
what ours needs: the 15 us of an auction and its receipt are then 30 to 60. Done in a row for all calls that wait,
each takes its 15 again, and the answers leave together (docs/performance.md).
"""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from time import monotonic
from typing import Final, TypeVar

_MOST: Final = 64
_TURN_S: Final = 0.002
_PAUSE_S: Final = 0.001
_LONGEST_PAUSE_S: Final = 0.004
_CROWD: Final = 3

Request = TypeVar("Request")
Response = TypeVar("Response")
Work = Callable[[], None]


class Bursts:
    """Collects work on the event loop, for as long as more of it comes with each turn of the loop.

    What is not done after two milliseconds waits for the next turn: health checks and other calls come between.
    Work is done in the context of who asked for it: its caller and its trace are that one's, whoever began the burst.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Context, Work]] = []
        self._seen = 0

    def put(self, work: Work) -> None:
        """Takes work, which must not raise."""
        if not self._waiting:
            self._begin()
        self._waiting.append((copy_context(), work))

    def done(self, work: Callable[[Request], Response], request: Request) -> "asyncio.Future[Response]":
        """Takes work; the future has what it returns or raises."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def do() -> None:
            if future.done():
                return  # the caller has gone
            try:
                future.set_result(work(request))
            except Exception as problem:
                future.set_exception(problem)

        self.put(do)
        return future

    def _begin(self) -> None:
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        if self._seen < len(self._waiting) < _MOST:
            self._seen = len(self._waiting)
            asyncio.get_running_loop().call_soon(self._look)
        else:
            self._do()

    def _do(self) -> None:
        self._seen = 0
        waiting, self._waiting = self._waiting, []
        end_s = monotonic() + _TURN_S
        for done, (context, work) in enumerate(waiting, 1):
            context.run(work)
            if done < len(waiting) and monotonic() > end_s:
                self._waiting = waiting[done:] + self._waiting
                asyncio.get_running_loop().call_soon(self._do)
                return


class PausingBursts(Bursts):
    """Collects work for a millisecond, while it comes every three of them; who calls alone is served at once.

    For unary calls: each reaches the loop in a turn of its own. Of N processes that share the calls each collects for N
    milliseconds, at most four: it has fewer of them, its bursts would be smaller, and each call dearer.
    """

    def __init__(self, processes: int = 1) -> None:
        super().__init__()
        self._pause_s = min(_PAUSE_S * processes, _LONGEST_PAUSE_S)
        self._latest_s = 0.0

    def put(self, work: Work) -> None:
        """Takes work, which must not raise."""
        super().put(work)
        self._latest_s = monotonic()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        crowded = monotonic() - self._latest_s < self._pause_s * _CROWD
        loop.call_later(self._pause_s, self._do) if crowded else loop.call_soon(self._do)
