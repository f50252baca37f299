"""The second-price auction: who pays what.

The highest bid wins and pays the second-highest; with several ads each pays the next one's bid; alone, it pays its own.
The price is spread over click and acquisition in the winner's own proportion, so the expected price of the impression
is the next bid, and no one ever pays more than its own cpc or cpa.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from adserver.ad import Ad
from adserver.index import Index
from adserver.request import Request
from marketplace.bids import clearing_price_nanos, cpm_nanos

MAX_AD_COUNT = 10


class Win(NamedTuple):
    """One ad won and its clearing prices in nanos: of the impression (shown), of a click and of an acquisition."""

    ad: Ad
    auction_cpm_nanos: int
    auction_cpc_nanos: int
    auction_cpa_nanos: int


def hold_auction(index: Index, request: Request, now_us: int, ad_count: int, random: Callable[[], float]) -> list[Win]:
    """Returns up to `ad_count` (1 to 10) distinct campaigns in bid order with their prices; empty if none matches.

    `random` gives uniform floats in [0, 1) and decides between equal bids: a seeded one makes the auction repeatable.
    """
    return clear(*index.shortlist(request, now_us, ad_count, random))


def clear(ads: Sequence[Ad], next_bid_key: int) -> list[Win]:
    """Prices winners in bid order; `next_bid_key` is the highest bid that did not win, 0 if there is none."""
    wins = []
    for place, ad in enumerate(ads, 1):
        own_key = ad.bid_key
        clearing_key = ads[place].bid_key if place < len(ads) else next_bid_key or own_key
        wins.append(
            Win(
                ad,
                cpm_nanos(clearing_key),
                clearing_price_nanos(ad.cpc_nanos, own_key, clearing_key),
                clearing_price_nanos(ad.cpa_nanos, own_key, clearing_key),
            )
        )
    return wins
