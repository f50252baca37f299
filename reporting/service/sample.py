"""A sample of the ads served lately: who asked, who won and at what price. Pure.

An auction is in the sample, with all its ads, by a checksum of its instant and user: so every process samples the same
ones, and whoever won one of several places is known to have won.
"""

import threading
import zlib
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from marketplace.campaign import ALL, Targeting
from marketplace.clock import US_PER_SECOND

SPAN_US: Final = 3_600 * US_PER_SECOND
PER_MILLION: Final = 1_000_000
_CHECKSUM_BITS: Final = 32


class SampledAd(NamedTuple):
    """One ad as the auction saw it. Age None or an empty text: not known, or not given. Prices in nanos.

    Ads of one auction have the same `served_at_us` and `auction`.
    """

    served_at_us: int
    campaign_id: str
    bid_cpm_nanos: int
    clearing_cpm_nanos: int
    age: int | None
    gender: str
    income_bucket: str
    city: str
    state: str
    device_type: str
    country: str = ""
    auction: int = 0


class Sample:
    """The newest `capacity` sampled ads; written by the follower of the topic, read by calls."""

    def __init__(self, per_million: int, capacity: int) -> None:
        self.per_million = per_million
        self._ads: deque[SampledAd] = deque(maxlen=capacity)
        self._lock = threading.Lock()

    def takes(self, auction: int) -> bool:
        """Tells whether an auction, by its number, is in the sample."""
        return auction * PER_MILLION < self.per_million << _CHECKSUM_BITS

    def add(self, ads: Iterable[SampledAd]) -> None:
        """Adds ads that are in the sample."""
        with self._lock:
            self._ads.extend(ads)

    def recent(self, now_us: int) -> list[SampledAd]:
        """Returns those of the last hour."""
        with self._lock:
            return [ad for ad in self._ads if ad.served_at_us > now_us - SPAN_US]


def auction_number(user_id: str, served_at_us: int) -> int:
    """Returns a number that all ads of one request have in common, spread evenly over 32 bits."""
    return zlib.crc32(f"{user_id} {served_at_us}".encode())


def by_auction(ads: Iterable[SampledAd]) -> list[list[SampledAd]]:
    """Returns the ads of each auction together."""
    auctions: dict[tuple[int, int], list[SampledAd]] = {}
    for ad in ads:
        auctions.setdefault((ad.served_at_us, ad.auction), []).append(ad)
    return list(auctions.values())


def matches(targeting: Targeting, ad: SampledAd) -> bool:
    """Tells whether a targeting reaches the user and place of an ad, by the rules of the auction.

    What is not known of the user matches only `All`; a place or device that was not given does not filter.
    """
    if not targeting.age_start == targeting.age_end == 0 and (
        ad.age is None or not targeting.age_start <= ad.age <= targeting.age_end
    ):
        return False
    return (
        _named(targeting.gender, ad.gender, unknown=False)
        and _named(targeting.income_bucket, ad.income_bucket, unknown=False)
        and _named(targeting.city, ad.city, unknown=True)
        and _named(targeting.state, ad.state, unknown=True)
        and _named(targeting.country, ad.country, unknown=True)
        and _named(targeting.device, ad.device_type, unknown=True)
    )


def _named(target: str, value: str, unknown: bool) -> bool:
    wanted = plain(target)
    given = plain(value)
    return not wanted or wanted == given or (unknown and not given)


def plain(value: str) -> str:
    """Returns a value without case and surrounding space; nothing for `All`."""
    value = value.strip().casefold()
    return "" if value == ALL.casefold() else value
