"""Questions to a dependency that are asked in the background, so that whoever wants the answer never waits for it."""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import structlog

from marketplace.errors import PlatformError

T = TypeVar("T")

_BROKEN_REST: Final = 10

log = structlog.get_logger()


class Probe(Generic[T]):
    """One question, asked again and again in a thread of its own; `ask` raises PlatformError or OSError for no answer.

    An answer is forgotten when the next one fails or does not come in time: then nothing is known.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], T],
        every_s: float,
        patience_s: float = 5.0,
        rest: float = 10.0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience_s` is how much later than due an answer may be; after a question that took long, `rest` times as
        long passes before the next: so a dependency is never asked for more than that share of the time.
        """
        self.name = name
        self._ask = ask
        self._every_s = every_s
        self._patience_s = patience_s
        self._rest = rest
        self._clock_s = clock_s
        self._answer: tuple[T] | None = None
        self._good_until_s = 0.0

    @property
    def answers(self) -> bool:
        """Tells whether the dependency answers."""
        return self._answer is not None and self._clock_s() < self._good_until_s

    @property
    def newest(self) -> T | None:
        """Returns the newest answer; None if the dependency does not answer."""
        answer = self._answer
        return answer[0] if answer and self.answers else None

    def ask(self) -> float:
        """Asks once; returns after how many seconds to ask again."""
        began_s = self._clock_s()
        try:
            answer = (self._ask(),)
        except (PlatformError, OSError) as problem:
            if self._answer:
                log.warning("does not answer", probe=self.name, cause=repr(problem.__cause__ or problem)[:200])
            self._answer = None
            return self._every_s
        except Exception:
            log.exception("a probe failed", probe=self.name)
            self._answer = None
            return self._every_s * _BROKEN_REST
        pause_s = max(self._every_s, (self._clock_s() - began_s) * self._rest)
        self._good_until_s = self._clock_s() + pause_s + self._patience_s
        self._answer = answer
        return pause_s

    def run(self, stop: threading.Event) -> None:
        """Asks until `stop` is set."""
        pause_s = 0.0
        while not stop.wait(pause_s):
            pause_s = self.ask()
