"""Serves ads: one auction in memory, a sealed receipt for each ad won, a record for the statistics."""

from collections.abc import Callable
from typing import NamedTuple

from adserver.ad import Ad
from adserver.auction import Win, hold_auction
from adserver.counts import AuctionCounts
from adserver.index import Index
from adserver.profiles import Profiles
from adserver.records import ServeRecords
from adserver.request import Request
from marketplace.clock import Clock
from marketplace.errors import Unavailable
from marketplace.receipt import KeyRing
from marketplace.wire import (
    encode_country,
    encode_outcome,
    encode_place,
    encode_profile,
    encode_viewer,
    encode_winner,
    uuid_text,
)


class AdRequest(NamedTuple):
    """What a client asks for."""

    user_id: str
    device_type: str
    city: str
    state: str
    country: str
    ad_count: int


class ServedAdvert(NamedTuple):
    """One ad won, with the receipt that billing will need."""

    request_id: str
    ad: Ad
    receipt: bytes


class AdService:
    """One ad server's memory. Used on the event loop only."""

    def __init__(
        self,
        ring: KeyRing,
        records: ServeRecords,
        clock: Clock,
        new_request_id: Callable[[], bytes],
        random: Callable[[], float],
    ) -> None:
        self._ring = ring
        self._records = records
        self._clock = clock
        self._new_request_id = new_request_id
        self._random = random
        self.profiles = Profiles()
        self.index: Index | None = None
        self.counts = AuctionCounts()

    def serve(self, request: AdRequest) -> list[ServedAdvert]:
        """Returns the winners in bid order; an empty list where nothing matches.

        Raises Unavailable before the load, and while the campaigns are too old.
        """
        if self.index is None:
            raise Unavailable("the campaigns are not loaded, or too old")
        profile = self.profiles.of(request.user_id)
        place = (request.city, request.state, request.country, request.device_type)
        now_us = self._clock()
        wins = hold_auction(self.index, Request(*profile, *place), now_us, request.ad_count, self._random)
        if not wins:
            return []
        self.counts.won += 1
        place_and_device = encode_place(request.city, request.state, request.device_type)
        viewer = encode_viewer(request.user_id, now_us) + encode_profile(*profile) + place_and_device
        country = encode_country(request.country)
        return [self._served(win, viewer, country, now_us) for win in wins]

    def any_live(self) -> bool:
        """Tells whether any campaign could win now, if a request matched it."""
        return self.index is not None and self.index.any_live(self._clock())

    def _served(self, win: Win, viewer: bytes, country: bytes, now_us: int) -> ServedAdvert:
        ad, *prices = win
        counts = self.counts
        counts.ads += 1
        counts.bid_keys += ad.bid_key
        counts.clearing_cpm_nanos += win.auction_cpm_nanos
        request_id = self._new_request_id()
        if not ad.encoded_winner:
            ad.encoded_winner = encode_winner(ad.winner())
        served = viewer + ad.encoded_winner + encode_outcome(request_id, *prices)
        self._records.add(served + country)
        return ServedAdvert(uuid_text(request_id), ad, self._ring.seal(served, now_us))
