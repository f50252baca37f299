"""What a campaign would reach and spend, from what was seen lately. Pure: the store's counts are arguments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from marketplace.campaign import Targeting, Window
from marketplace.slots import SlotGrid, current_slot, slot_share_nanos
from reporting.service.sample import PER_MILLION, SPAN_US, SampledAd, by_auction, matches, plain


class Kind(NamedTuple):
    """Users who are the same to every targeting."""

    age: int
    gender: str
    income_bucket: str
    device_type: str


class Rivals(NamedTuple):
    """Campaigns with users in common: all, those that bid more, those that bid the same."""

    all: int
    higher: int
    equal: int


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots left in a window, and what one of them may spend, in nanos."""

    count: int
    share_nanos: int


@dataclass(frozen=True, slots=True)
class Demand:
    """Sampled ads; their auctions that match, that could be won; ads and cost, in nanos, to expect in a slot."""

    sampled: int
    matching: int
    winnable: int
    slot_ads: int
    slot_spend_nanos: int


def matching_users(targeting: Targeting, users: Mapping[Kind, int]) -> int:
    """Counts the users that a targeting reaches, wherever they are."""
    gender, income, device = plain(targeting.gender), plain(targeting.income_bucket), plain(targeting.device)
    everyone = targeting.age_start == targeting.age_end == 0
    return sum(
        count
        for kind, count in users.items()
        if (everyone or targeting.age_start <= kind.age <= targeting.age_end)
        and gender in ("", plain(kind.gender))
        and income in ("", plain(kind.income_bucket))
        and device in ("", plain(kind.device_type))
    )


def slots_of(grid: SlotGrid, window: Window, leftover_nanos: int, now_us: int) -> Slots:
    """Returns the slots that are left, the current one included, and their share of what is left to spend."""
    slot_no = current_slot(grid, window, now_us)
    count = max(0, grid.slot_at(window.end_us - 1) - slot_no + 1)
    return Slots(count, slot_share_nanos(grid, window, leftover_nanos, slot_no))


def demand_of(
    targeting: Targeting,
    bid_cpm_nanos: int,
    ads: Iterable[SampledAd],
    per_million: int,
    grid: SlotGrid,
    share_nanos: int,
    now_us: int,
) -> Demand:
    """Returns what a slot would bring at a bid, if the next hour is like the last.

    An auction could be won where one of its winners bid less; the ad would then have cost the highest such bid. A
    campaign wins one place of an auction at most.
    """
    sampled = list(ads)
    matching = winnable = cost_nanos = 0
    for held in by_auction(sampled):
        if matches(targeting, held[0]):
            matching += 1
            if below := [ad.bid_cpm_nanos for ad in held if ad.bid_cpm_nanos < bid_cpm_nanos]:
                winnable += 1
                cost_nanos += max(below)
    since_us = min((ad.served_at_us for ad in sampled), default=now_us)
    seen_us = min(SPAN_US, max(now_us - since_us, 1))
    slot_ads = winnable * PER_MILLION * grid.length_us // (per_million * seen_us) if per_million else 0
    spend_nanos = slot_ads * (cost_nanos // winnable) if winnable else 0
    return Demand(len(sampled), matching, winnable, slot_ads, min(share_nanos, spend_nanos))
