"""Clearing prices: the expected price is the next bid, and no one pays more than its own."""

from hypothesis import given
from hypothesis import strategies as st

from adserver.ad import Ad
from adserver.auction import clear
from marketplace.bids import bid_key
from marketplace.campaign import Targeting
from marketplace.money import MAX_PRICE_NANOS

PRICES = st.one_of(st.integers(0, 50), st.integers(0, MAX_PRICE_NANOS))
BIDS = st.lists(st.tuples(PRICES, PRICES).filter(any), min_size=1, max_size=11)


def in_bid_order(bids: list[tuple[int, int]]) -> list[Ad]:
    """Makes ads, the highest bid first."""
    made = [
        Ad(str(n), "text", "Toys", Targeting(), bid_key(cpc, cpa), cpc, cpa, 0, 10_000)
        for n, (cpc, cpa) in enumerate(bids)
    ]
    return sorted(made, key=lambda ad: ad.bid_key, reverse=True)


@given(BIDS)
def test_each_pays_the_next_bid_and_never_above_its_own(bids: list[tuple[int, int]]) -> None:
    ads = in_bid_order(bids)
    winners, keys = ads[:10], [ad.bid_key for ad in ads]
    wins = clear(winners, keys[10] if len(keys) > 10 else 0)
    assert [win.ad for win in wins] == winners
    for win, own, following in zip(wins, keys, [*keys[1:], keys[len(winners) - 1]], strict=False):
        assert 0 <= win.auction_cpc_nanos <= win.ad.cpc_nanos
        assert 0 <= win.auction_cpa_nanos <= win.ad.cpa_nanos
        assert win.auction_cpm_nanos == following // 2_000
        # Less than one nano below the exact price in each field, so less than 15 + 1 in the key; never above it.
        expected = bid_key(win.auction_cpc_nanos, win.auction_cpa_nanos)
        assert following - 16 < expected <= following <= own


@given(st.tuples(PRICES, PRICES).filter(any))
def test_alone_or_tied_it_pays_its_own_bid(bid: tuple[int, int]) -> None:
    first, second = in_bid_order([bid, bid])
    for next_bid_key in (0, second.bid_key):
        (win,) = clear([first], next_bid_key)
        assert (win.auction_cpc_nanos, win.auction_cpa_nanos) == bid
