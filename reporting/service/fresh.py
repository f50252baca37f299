"""Answers that take long to make: kept for a while, made once however many ask, and made anew behind their backs."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from marketplace.errors import Overloaded, Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_BUSY_S: Final = 1.0


class Fresh(Generic[K, V]):
    """Values by key, each at most `stale_s` old when it is answered.

    One older than `fresh_s` is answered too and made anew in the background. At most `capacity` values are kept, and
    one is made at a time.
    """

    def __init__(
        self,
        make: Callable[[K], V],
        *,
        fresh_s: float,
        stale_s: float,
        capacity: int = 16,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._capacity = capacity
        self._clock_s = clock_s
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._making: dict[K, Future[V]] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def get(self, key: K, timeout_s: float) -> V:
        """Returns the value; raises what making it raised, or Unavailable where that takes longer than the time-out."""
        with self._lock:
            kept = self._values.get(key)
            age_s = self._clock_s() - kept[0] if kept else self._stale_s
            future = self._making.get(key)
            if age_s >= self._fresh_s and future is None:
                if len(self._making) >= self._capacity:
                    raise Overloaded(retry_after_s=_BUSY_S)
                future = self._making[key] = Future()
                threading.Thread(target=self._fulfil, args=(key, future), name="making", daemon=True).start()
        if kept and age_s < self._stale_s:
            return kept[1]
        assert future is not None  # there is no value that is good enough, so one is being made
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise Unavailable("this takes a while to make, ask again in some seconds") from None

    def _fulfil(self, key: K, future: "Future[V]") -> None:
        try:
            with self._turn:
                value = self._make(key)
        except BaseException as problem:
            with self._lock:
                del self._making[key]
            future.set_exception(problem)
            return
        with self._lock:
            del self._making[key]
            self._values[key] = (self._clock_s(), value)
            self._values.move_to_end(key)
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)
        future.set_result(value)
