"""For how long an ad server goes on without the store, and that it comes back by itself."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from auction_campaigns import campaign

from adserver.ports import Cursor
from adserver.refresh import Refresher
from adserver.serve import AdRequest, AdService
from marketplace.campaign import Campaign
from marketplace.errors import Unavailable

NOW_US = 5
WITHIN_S = 10.0
REQUEST = AdRequest("u", "", "", "", "", 1)


class Store:
    """A feed and its users; may be away."""

    def __init__(self) -> None:
        self.away = False
        self.refused = 0

    def _asked(self) -> None:
        if self.away:
            self.refused += 1
            raise Unavailable("away")

    def newest(self) -> Cursor:
        self._asked()
        return Cursor()

    def live(self, now_us: int) -> Iterable[Campaign]:
        self._asked()
        return [campaign("c")]

    def changes(self, after: Cursor, limit: int) -> list[Campaign]:
        self._asked()
        return []

    def version(self) -> int:
        self._asked()
        return 0

    def profiles(self) -> Iterable[tuple[str, int, str, str]]:
        return []


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def go_through_an_outage(clock: list[float]) -> None:
    store, stop = Store(), threading.Event()
    service = AdService(Any, Any, lambda: NOW_US, Any, random.Random(1).random)  # type: ignore[arg-type]
    refresher = Refresher(store, store, service, lambda: NOW_US, max_staleness_s=300, clock_s=lambda: clock[0])
    assert not refresher.fresh()
    assert refresher.age_s is None
    running = threading.Thread(target=refresher.run, args=(stop,))
    running.start()
    try:
        await refresher.loaded()
        assert refresher.fresh()
        index, refresher_age = service.index, refresher.age_s
        assert index is not None
        assert refresher_age == 0

        store.away = True
        await until(lambda: store.refused > 0)
        clock[0] += 299
        assert refresher.fresh()
        assert service.index is index
        clock[0] += 2
        assert not refresher.fresh()
        with pytest.raises(Unavailable):
            service.serve(REQUEST)
        assert not service.any_live()
        assert refresher.campaigns == 1, "it keeps them"

        store.away = False
        await until(refresher.fresh)
        assert service.index is index
        assert refresher.age_s == 0
    finally:
        stop.set()
        running.join(WITHIN_S)


def test_it_serves_from_memory_for_so_long_then_not_and_comes_back_by_itself() -> None:
    asyncio.run(go_through_an_outage([1_000.0]))
