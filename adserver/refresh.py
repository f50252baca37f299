"""Keeps the index and the profiles in step with the store, without a query on the request path.

Reads in a thread, applies on the event loop: nothing is locked, and no request waits longer than one page takes.
"""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from adserver.index import Index
from adserver.ports import CampaignFeed, Cursor, ProfileSource
from adserver.profiles import Profiles
from adserver.serve import AdService
from marketplace.campaign import Campaign
from marketplace.clock import Clock
from marketplace.errors import Unavailable

_POLL_S: Final = 0.1
_PAUSE_S: Final = 1.0
_POLLS_PER_PROFILE_CHECK: Final = 50
_MAX_STALENESS_S: Final = 300.0
_PAGE: Final = 200  # applying that many takes some 2 ms

log = structlog.get_logger()


class Refresher:
    """Loads at start, then follows the change feed. To be made on the event loop that serves."""

    def __init__(
        self,
        feed: CampaignFeed,
        source: ProfileSource,
        service: AdService,
        clock: Clock,
        max_staleness_s: float = _MAX_STALENESS_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`max_staleness_s` is for how long auctions go on while the store does not answer."""
        self._feed = feed
        self._source = source
        self._service = service
        self._clock = clock
        self._max_staleness_s = max_staleness_s
        self._clock_s = clock_s
        self._index: Index | None = None
        self._fresh_s = 0.0  # when the index was last known to hold all that the store does
        self._loop = asyncio.get_running_loop()
        self._loaded = asyncio.Event()
        self._cursor = Cursor()
        self._profiles_version = -1

    async def loaded(self) -> None:
        """Returns when the first auction may be held."""
        await self._loaded.wait()

    @property
    def age_s(self) -> float | None:
        """Returns how long ago the index was known to hold all that the store does; None before the load."""
        return None if self._index is None else self._clock_s() - self._fresh_s

    @property
    def campaigns(self) -> int:
        """Returns how many campaigns are in memory."""
        return 0 if self._index is None else len(self._index)

    def fresh(self) -> bool:
        """Tells whether auctions may be held now; for the event loop.

        Takes an index that has grown too old away from the auctions, and gives it back when it is up to date.
        """
        age_s = self.age_s
        fresh = age_s is not None and age_s <= self._max_staleness_s
        self._service.index = self._index if fresh else None
        return fresh

    def run(self, stop: threading.Event) -> None:
        """Loads, then refreshes until `stop` is set."""
        while not stop.is_set() and not _answered(self._load):
            stop.wait(_PAUSE_S)
        polls = 0
        while not stop.wait(_POLL_S):
            polls += 1
            asked_s = self._clock_s()
            if not _answered(self._follow):
                stop.wait(_PAUSE_S)
                continue
            self._fresh_s = asked_s
            if polls % _POLLS_PER_PROFILE_CHECK == 0:
                _answered(self._refresh_profiles)

    def _load(self) -> None:
        self._refresh_profiles()
        asked_s = self._clock_s()
        cursor = self._feed.newest()  # before the campaigns are read: what changes meanwhile comes once more
        now_us = self._clock()
        index = Index.build(self._feed.live(now_us), now_us)
        gc.collect()
        gc.freeze()  # spares the collector a walk over every campaign at each full collection
        self._cursor = cursor
        self._fresh_s = asked_s
        self._loop.call_soon_threadsafe(self._install, index)
        log.info("campaigns loaded", campaigns=len(index), change_no=cursor.change_no)

    def _install(self, index: Index) -> None:
        self._index = self._service.index = index
        self._loaded.set()

    def _follow(self) -> None:
        while campaigns := self._feed.changes(self._cursor, _PAGE):
            last = campaigns[-1]
            is_full = len(campaigns) == _PAGE
            self._cursor = Cursor(last.change_no, last.campaign_id) if is_full else Cursor.past(last.change_no)
            applied = threading.Event()
            self._loop.call_soon_threadsafe(self._apply, campaigns, applied)
            applied.wait(_PAUSE_S)  # one page at a time: requests come in between
            if not is_full:
                return

    def _apply(self, campaigns: list[Campaign], applied: threading.Event) -> None:
        assert self._index is not None
        self._index.apply(campaigns, self._clock())
        applied.set()

    def _refresh_profiles(self) -> None:
        version = self._source.version()
        if version == self._profiles_version:
            return
        profiles = Profiles(self._source.profiles())
        self._profiles_version = version
        self._loop.call_soon_threadsafe(setattr, self._service, "profiles", profiles)
        log.info("users loaded", users=len(profiles))


def _answered(work: Callable[[], None]) -> bool:
    try:
        work()
    except Unavailable as problem:
        log.warning("the store does not answer; serving from memory", cause=repr(problem.__cause__)[:200])
        return False
    return True
