"""The bounded queue between the calls and the charging transaction, and the thread that empties it."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from feedback.charger import Answer, ChargeRules, Claim, Verdict, charge_batch
from feedback.counts import ChargeCounts
from feedback.ports import ChargeStore
from marketplace.clock import Clock
from marketplace.errors import Overloaded, PlatformError, Unavailable
from marketplace.runtime.store.transactions import retrying

_IDLE_S: Final = 0.2
_GATHER_S: Final = 0.005  # a batch of few costs nearly as much as one of many
_NEWEST_SHARE: Final = 0.2  # of the newest batch in the average time that a batch takes
_LEAST_RETRY_S: Final = 0.2
_LOG_RETRY_S: Final = 5.0
_NAMED: Final = 3

log = structlog.get_logger()


class ChargeQueue:
    """Takes claims on the event loop and charges them in batches on its own thread.

    A batch is whatever has queued while the last one was committing, at most `batch_size`. At most `capacity` claims
    wait, and none that would wait longer than `max_wait_s` as charging goes at the moment; one more is Overloaded at
    once. So what is taken is answered soon, however much is asked. `outbox_full` tells when nothing is to be taken.
    """

    def __init__(
        self,
        store: ChargeStore,
        clock: Clock,
        rules: ChargeRules,
        *,
        batch_size: int,
        capacity: int,
        max_wait_s: float = math.inf,
        outbox_full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._batch_size = batch_size
        self._capacity = capacity
        self._max_wait_s = max_wait_s
        self._outbox_full = outbox_full
        self._seconds_per_batch = 0.0
        self._waiting: deque[tuple[Claim, asyncio.Future[Answer]]] = deque()
        self._arrived = threading.Event()
        self.counts = ChargeCounts()

    @property
    def waiting(self) -> int:
        """Returns how many claims wait."""
        return len(self._waiting)

    def check_room(self) -> None:
        """Raises Overloaded if no claim can be taken now: to be asked before work is put into reading one."""
        # In batches: of a small one nearly all is its commit, which a larger one does not make longer. The next batch
        # is let in however slow the last ones were: without it nothing would find out that the store is quick again.
        waiting = len(self._waiting)
        wait_s = math.ceil(waiting / self._batch_size) * self._seconds_per_batch
        if waiting >= self._capacity or (waiting >= self._batch_size and wait_s > self._max_wait_s):
            raise Overloaded(retry_after_s=max(wait_s, _LEAST_RETRY_S))
        if self._outbox_full():
            raise Overloaded("the log is behind, try again later", _LOG_RETRY_S)

    def put(self, claim: Claim) -> "asyncio.Future[Answer]":
        """Takes a claim; the future has the answer after the commit, or a PlatformError. Raises Overloaded."""
        self.check_room()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((claim, future))
        if not self._arrived.is_set():  # it is, mostly: setting it takes a lock
            self._arrived.set()
        return future

    async def charge(self, claim: Claim) -> Answer:
        """Answers after the commit. Raises PlatformError."""
        return await self.put(claim)

    def run(self, stop: threading.Event) -> None:
        """Charges until `stop` is set and nothing waits any more."""
        while not (stop.is_set() and not self._waiting):
            self._arrived.wait(_IDLE_S)
            self._arrived.clear()
            while self._waiting:
                self._charge_some()
                if 1 < len(self._waiting) < self._batch_size:  # who asks alone is not kept waiting
                    stop.wait(_GATHER_S)

    def _charge_some(self) -> None:
        size = min(self._batch_size, len(self._waiting))
        popped = [self._waiting.popleft() for _ in range(size)]
        batch = [(claim, future) for claim, future in popped if not future.cancelled()]  # nobody waits for the others
        if not batch:
            return
        started = time.monotonic()
        claims = [claim for claim, _ in batch]
        verdicts = self._verdicts(claims)
        self.counts.take(claims, verdicts, time.monotonic() - started)
        took_s = time.monotonic() - started
        before_s = self._seconds_per_batch or took_s
        self._seconds_per_batch = before_s + (took_s - before_s) * _NEWEST_SHARE
        log.debug("charged", claims=len(batch), seconds=round(took_s, 4))
        futures = [future for _, future in batch]
        futures[0].get_loop().call_soon_threadsafe(_answer, futures, verdicts)

    def _verdicts(self, claims: list[Claim]) -> Sequence[Verdict]:
        try:
            return retrying(lambda: charge_batch(self._store, claims, self._clock, self._rules))
        except PlatformError as error:
            log.warning("a batch was not charged", **_about(claims), cause=repr(error.__cause__)[:200])
            return [error] * len(claims)
        except Exception:
            log.exception("a batch was not charged", **_about(claims))
            return [Unavailable()] * len(claims)


def _about(claims: Sequence[Claim]) -> dict[str, Any]:
    """Returns what the log says of a batch: its size, and which requests to look for."""
    return {"claims": len(claims), "request_ids": [claim.terms.request_id for claim in claims[:_NAMED]]}


def _answer(futures: Sequence["asyncio.Future[Answer]"], verdicts: Sequence[Verdict]) -> None:
    for future, verdict in zip(futures, verdicts, strict=True):
        if future.done():
            continue  # the caller has gone; its retry will find the ledger's answer
        if isinstance(verdict, PlatformError):
            future.set_exception(verdict)
        else:
            future.set_result(verdict)
