"""Keeps the index and the profiles in step with the store, without a query on the request path.

Reads in a thread, applies on the event loop: nothing is locked, and no request waits longer than one page takes.
"""

import asyncio
import gc
import threading
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
_PAGE: Final = 200  # applying that many takes some 4 ms

log = structlog.get_logger()


class Refresher:
    """Loads at start, then follows the change feed. To be made on the event loop that serves."""

    def __init__(self, feed: CampaignFeed, source: ProfileSource, service: AdService, clock: Clock) -> None:
        self._feed = feed
        self._source = source
        self._service = service
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._loaded = asyncio.Event()
        self._cursor = Cursor()
        self._profiles_version = -1

    async def loaded(self) -> None:
        """Returns when the first auction may be held."""
        await self._loaded.wait()

    def run(self, stop: threading.Event) -> None:
        """Loads, then refreshes until `stop` is set."""
        while not stop.is_set() and not _answered(self._load):
            stop.wait(_PAUSE_S)
        polls = 0
        while not stop.wait(_POLL_S):
            polls += 1
            if not _answered(self._follow):
                stop.wait(_PAUSE_S)
            elif polls % _POLLS_PER_PROFILE_CHECK == 0:
                _answered(self._refresh_profiles)

    def _load(self) -> None:
        self._refresh_profiles()
        cursor = self._feed.newest()  # before the campaigns are read: what changes meanwhile comes once more
        now_us = self._clock()
        index = Index.build(self._feed.live(now_us), now_us)
        gc.collect()
        gc.freeze()  # spares the collector a walk over every campaign at each full collection
        self._cursor = cursor
        self._loop.call_soon_threadsafe(self._install, index)
        log.info("campaigns loaded", campaigns=len(index), change_no=cursor.change_no)

    def _install(self, index: Index) -> None:
        self._service.index = index
        self._loaded.set()

    def _follow(self) -> None:
        while campaigns := self._feed.changes(self._cursor, _PAGE):
            self._cursor = Cursor(campaigns[-1].change_no, campaigns[-1].campaign_id)
            applied = threading.Event()
            self._loop.call_soon_threadsafe(self._apply, campaigns, applied)
            applied.wait(_PAUSE_S)  # one page at a time: requests come in between
            if len(campaigns) < _PAGE:
                return

    def _apply(self, campaigns: list[Campaign], applied: threading.Event) -> None:
        assert self._service.index is not None
        self._service.index.apply(campaigns, self._clock())
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
