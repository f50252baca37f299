"""The bounded queue between the calls and the charging transaction, and the thread that empties it."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from feedback.charger import Answer, ChargeRules, Claim, Verdict, charge_batch
from feedback.ports import ChargeStore
from marketplace.clock import Clock
from marketplace.errors import Overloaded, PlatformError, Unavailable
from marketplace.runtime.store.transactions import retrying

_IDLE_S: Final = 0.2

log = structlog.get_logger()


class ChargeQueue:
    """Takes claims on the event loop and charges them in batches on its own thread.

    A batch is whatever has queued while the last one was committing, at most `batch_size`. At most `capacity` claims
    wait; one more is Overloaded at once.
    """

    def __init__(self, store: ChargeStore, clock: Clock, rules: ChargeRules, *, batch_size: int, capacity: int) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._batch_size = batch_size
        self._capacity = capacity
        self._waiting: deque[tuple[Claim, asyncio.Future[Answer]]] = deque()
        self._arrived = threading.Event()

    async def charge(self, claim: Claim) -> Answer:
        """Answers after the commit. Raises PlatformError."""
        if len(self._waiting) >= self._capacity:
            raise Overloaded
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((claim, future))
        self._arrived.set()
        return await future

    def run(self, stop: threading.Event) -> None:
        """Charges until `stop` is set and nothing waits any more."""
        while not (stop.is_set() and not self._waiting):
            self._arrived.wait(_IDLE_S)
            self._arrived.clear()
            while self._waiting:
                self._charge_some()

    def _charge_some(self) -> None:
        size = min(self._batch_size, len(self._waiting))
        popped = [self._waiting.popleft() for _ in range(size)]
        batch = [(claim, future) for claim, future in popped if not future.cancelled()]  # nobody waits for the others
        if not batch:
            return
        started = time.monotonic()
        verdicts = self._verdicts([claim for claim, _ in batch])
        log.debug("charged", claims=len(batch), seconds=round(time.monotonic() - started, 4))
        futures = [future for _, future in batch]
        futures[0].get_loop().call_soon_threadsafe(_answer, futures, verdicts)

    def _verdicts(self, claims: list[Claim]) -> Sequence[Verdict]:
        try:
            return retrying(lambda: charge_batch(self._store, claims, self._clock, self._rules))
        except PlatformError as error:
            log.warning("a batch was not charged", claims=len(claims), cause=repr(error.__cause__)[:200])
            return [error] * len(claims)
        except Exception:
            log.exception("a batch was not charged", claims=len(claims))
            return [Unavailable()] * len(claims)


def _answer(futures: Sequence["asyncio.Future[Answer]"], verdicts: Sequence[Verdict]) -> None:
    for future, verdict in zip(futures, verdicts, strict=True):
        if future.done():
            continue  # the caller has gone; its retry will find the ledger's answer
        if isinstance(verdict, PlatformError):
            future.set_exception(verdict)
        else:
            future.set_result(verdict)
