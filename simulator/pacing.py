"""Pacing by an absolute schedule: what starts late does not make what follows late."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable


async def on_schedule(
    rate: float, duration_s: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[int]:
    """Yields 0, 1, 2, ...: number n at `n / rate` seconds after the first, until the duration is over.

    A consumer that is held up gets the overdue numbers at once, and none after the end, so a server that is too slow
    lowers how many are asked, not how long it takes. `clock` answers seconds and never goes back.
    """
    start = clock()
    for number in itertools.count():
        due = number / rate
        now = clock() - start
        if max(due, now) >= duration_s:
            return
        if due > now:
            await sleep(due - now)
        yield number
