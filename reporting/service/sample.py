"""A sample of the ads served lately: who asked, who won and at what price. Pure.

An ad is in the sample by the random bits of its request id, so every process samples the same ones.
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from marketplace.campaign import ALL, Targeting
from marketplace.clock import US_PER_SECOND

SPAN_US: Final = 3_600 * US_PER_SECOND
PER_MILLION: Final = 1_000_000
_RANDOM_BITS: Final = 56


class SampledAd(NamedTuple):
    """One ad as the auction saw it. Age None or an empty text: not known, or not given. Prices in nanos."""

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


class Share(NamedTuple):
    """How a campaign fared in the sample: entered by targeting, won, and the mean bid of the winners it lost to."""

    sampled: int
    entered: int
    won: int
    winning_bid_cpm_nanos: int


class Sample:
    """The newest `capacity` sampled ads; written by the follower of the topic, read by calls."""

    def __init__(self, per_million: int, capacity: int) -> None:
        self.per_million = per_million
        self._ads: deque[SampledAd] = deque(maxlen=capacity)
        self._lock = threading.Lock()

    def takes(self, request_id: bytes) -> bool:
        """Tells whether a request is in the sample."""
        low = int.from_bytes(request_id[-7:], "big")
        return low * PER_MILLION < self.per_million << _RANDOM_BITS

    def add(self, ads: Iterable[SampledAd]) -> None:
        """Adds ads that are in the sample."""
        with self._lock:
            self._ads.extend(ads)

    def recent(self, now_us: int) -> list[SampledAd]:
        """Returns those of the last hour."""
        with self._lock:
            return [ad for ad in self._ads if ad.served_at_us > now_us - SPAN_US]


def matches(targeting: Targeting, ad: SampledAd) -> bool:
    """Tells whether a targeting reaches the user and place of an ad, by the rules of the auction.

    What is not known of the user matches only `All`; a place or device that was not given does not filter. Countries
    are not kept with served ads, so they do not filter either.
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
        and _named(targeting.device, ad.device_type, unknown=True)
    )


def share_of(targeting: Targeting, campaign_id: str, ads: Iterable[SampledAd]) -> Share:
    """Returns how a campaign fared."""
    sampled = entered = won = lost_bids = 0
    for ad in ads:
        sampled += 1
        if ad.campaign_id == campaign_id:
            entered += 1
            won += 1
        elif matches(targeting, ad):
            entered += 1
            lost_bids += ad.bid_cpm_nanos
    lost = entered - won
    return Share(sampled, entered, won, lost_bids // lost if lost else 0)


def _named(target: str, value: str, unknown: bool) -> bool:
    wanted = plain(target)
    given = plain(value)
    return not wanted or wanted == given or (unknown and not given)


def plain(value: str) -> str:
    """Returns a value without case and surrounding space; nothing for `All`."""
    value = value.strip().casefold()
    return "" if value == ALL.casefold() else value
