"""A serve: one auction won, as the receipt carries it and the archive keeps it."""

from dataclasses import dataclass

from marketplace.bids import bid_key, cpm_nanos
from marketplace.campaign import Campaign, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """The user and place as seen in the auction. None or an empty text: not known, or not given."""

    user_id: str = ""
    age: int | None = None
    gender: str = ""
    income_bucket: str = ""
    city: str = ""
    state: str = ""
    device_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The winning campaign as it stood in the auction; targets in the words of the reports."""

    campaign_id: str
    bid_cpm_nanos: int
    category: str
    target_age_range: str
    target_location: str
    target_gender: str
    target_income_bucket: str
    target_device_type: str
    window: Window

    @classmethod
    def of(cls, campaign: Campaign) -> "Winner":
        """Takes from the campaign what billing and the archive need."""
        target = campaign.targeting
        return cls(
            campaign_id=campaign.campaign_id,
            bid_cpm_nanos=cpm_nanos(bid_key(campaign.cpc_nanos, campaign.cpa_nanos)),
            category=campaign.category,
            target_age_range=target.age_range,
            target_location=target.location,
            target_gender=target.gender,
            target_income_bucket=target.income_bucket,
            target_device_type=target.device,
            window=campaign.window,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """One auction won. Money in nanos, times in microseconds since the epoch."""

    request_id: str
    served_at_us: int
    viewer: Viewer
    winner: Winner
    auction_cpm_nanos: int
    auction_cpc_nanos: int
    auction_cpa_nanos: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a charge reads of a serve. The rest goes by unread, in `served_ad`: the serve's bytes, whole.

    So a receipt is read in half the time that all of the serve takes. Money in nanos.
    """

    request_id: str
    campaign_id: str
    served_at_us: int
    auction_cpc_nanos: int
    auction_cpa_nanos: int
    served_ad: bytes
