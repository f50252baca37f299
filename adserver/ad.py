"""A campaign as the ad server shows it: what an auction, an answer and a receipt need, and nothing else."""

from dataclasses import dataclass, field

from marketplace.bids import cpm_nanos
from marketplace.campaign import Targeting, Window
from marketplace.serve import Winner


@dataclass(slots=True)
class Ad:
    """A campaign of the index. Money in nanos, times in microseconds since the epoch, bids as in `marketplace.bids`.

    `encoded_winner` and `encoded_shown` are room for who serves it, to keep what receipts and answers hold of it.
    """

    campaign_id: str
    text: str
    category: str
    targeting: Targeting
    bid_key: int
    cpc_nanos: int
    cpa_nanos: int
    start_us: int
    end_us: int
    encoded_winner: bytes = field(default=b"", compare=False)
    encoded_shown: bytes = field(default=b"", compare=False)

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
