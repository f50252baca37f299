"""How a campaign fares in the sample of auctions, of those that it was in as far as can be known. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from marketplace.campaign import Campaign, Status, Targeting, Window
from reporting.service.sample import SampledAd, by_auction, matches


class Share(NamedTuple):
    """How a campaign fared: of `sampled` ads, those of `auctions` were in its span, which begins at `since_us`.

    It entered by targeting, and won a place. `winning_bid_cpm_nanos` is the mean, over the auctions lost, of the lowest
    bid that won.
    """

    sampled: int = 0
    auctions: int = 0
    entered: int = 0
    won: int = 0
    winning_bid_cpm_nanos: int = 0
    since_us: int = 0


def eligible_span(campaign: Campaign, last_charged_us: int) -> Window:
    """Returns when a campaign was in auctions as it is now: since its last command, while window and budget were open.

    The last command also bounds what is not recorded: an earlier targeting, an earlier end of the budget. Of an
    exhausted campaign the last charge took what was left. That a slot was dry for a while is not known.
    """
    start_us, end_us = max(campaign.window.start_us, campaign.updated_us), campaign.window.end_us
    if campaign.status is Status.EXHAUSTED:
        end_us = min(end_us, last_charged_us)
    return Window(start_us, start_us if campaign.status is Status.STOPPED else end_us)


def share_of(targeting: Targeting, campaign_id: str, span: Window, ads: Iterable[SampledAd]) -> Share:
    """Returns how a campaign fared. Ads of one request are one auction: who won any of its places has lost nothing."""
    sampled = list(ads)
    auctions = by_auction(ad for ad in sampled if span.open_at(ad.served_at_us))
    entered = won = lost_bids = 0
    for held in auctions:
        if any(ad.campaign_id == campaign_id for ad in held):
            entered += 1
            won += 1
        elif matches(targeting, held[0]):
            entered += 1
            lost_bids += min(ad.bid_cpm_nanos for ad in held)
    lost = entered - won
    since_us = max(min(ad.served_at_us for ad in sampled), span.start_us) if sampled else 0
    return Share(len(sampled), len(auctions), entered, won, lost_bids // lost if lost else 0, since_us)
