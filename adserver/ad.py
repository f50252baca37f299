"""A campaign as the ad server keeps it: what an auction, an answer and a receipt need, and nothing else."""

from sys import intern
from typing import NamedTuple

from marketplace.bids import bid_key, cpm_nanos
from marketplace.campaign import Campaign, Targeting, Window
from marketplace.serve import Winner


class Ad(NamedTuple):
    """A campaign in the index. Money in nanos, times in microseconds since the epoch.

    A plain tuple because there may be a million of them, and because its first two fields are the index's order:
    highest bid first, then by campaign_id.
    """

    negated_bid_key: int
    campaign_id: str
    text: str
    category: str
    targeting: Targeting
    cpc_nanos: int
    cpa_nanos: int
    start_us: int
    end_us: int

    @classmethod
    def of(cls, campaign: Campaign, targeting: Targeting) -> "Ad":
        """Keeps what is needed of a campaign; `targeting` equals the campaign's own and may be shared by many."""
        return cls(
            -bid_key(campaign.cpc_nanos, campaign.cpa_nanos),
            campaign.campaign_id,
            campaign.text,
            intern(campaign.category),
            targeting,
            campaign.cpc_nanos,
            campaign.cpa_nanos,
            campaign.window.start_us,
            campaign.window.end_us,
        )

    @property
    def bid_key(self) -> int:
        """Returns the bid, as `marketplace.bids` compares them."""
        return -self.negated_bid_key

    def winner(self) -> Winner:
        """Returns the campaign in the words of the receipt."""
        target = self.targeting
        return Winner(
            campaign_id=self.campaign_id,
            bid_cpm_nanos=cpm_nanos(self.bid_key),
            category=self.category,
            target_age_range=target.age_range,
            target_location=target.location,
            target_gender=target.gender,
            target_income_bucket=target.income_bucket,
            target_device_type=target.device,
            window=Window(self.start_us, self.end_us),
        )
