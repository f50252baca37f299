"""The clock as services see it: a callable that answers microseconds since the Unix epoch, UTC."""

import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], int]

US_PER_SECOND: Final = 1_000_000


def system_clock() -> int:
    """Returns the machine's time."""
    return time.time_ns() // 1_000
