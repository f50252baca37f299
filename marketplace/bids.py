"""Bids: what a campaign offers for one impression, compared as exact integers.

The expected price of one impression is `cpm = 0.0075 cpc + 0.0005 cpa`: in a hundred thousand impressions 750 clicks
and 50 acquisitions. Times 2,000 it is the integer `bid_key = 15 cpc_nanos + cpa_nanos`.
"""

from typing import Final

BID_KEYS_PER_CPM: Final = 2_000
_CLICK_WEIGHT: Final = 15


def bid_key(cpc_nanos: int, cpa_nanos: int) -> int:
    """Returns the number that bids are compared by: cpm in nanos times 2,000, exact."""
    return _CLICK_WEIGHT * cpc_nanos + cpa_nanos


def cpm_nanos(key: int) -> int:
    """Returns the expected price of one impression in nanos, rounded down. It is shown, never compared or charged."""
    return key // BID_KEYS_PER_CPM


def clearing_price_nanos(own_nanos: int, own_key: int, clearing_key: int) -> int:
    """Returns what the winner pays for a click (or acquisition) whose own price is `own_nanos`.

    Scaled so that the expected price of the impression is the clearing bid: `own * clearing_key // own_key`, hence
    never above the winner's own price as long as `clearing_key <= own_key`.
    """
    return own_nanos * clearing_key // own_key
