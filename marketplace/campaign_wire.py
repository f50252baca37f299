"""Campaigns as clients see them in protobuf."""

from typing import Final

from adplatform.v1 import campaign_manager_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from marketplace.bids import bid_key, cpm_nanos
from marketplace.campaign import Campaign, Status, Targeting
from marketplace.clock import US_PER_SECOND

STATUSES: Final = {
    Status.ACTIVE: pb.CAMPAIGN_STATUS_ACTIVE,
    Status.EXHAUSTED: pb.CAMPAIGN_STATUS_INACTIVE,
    Status.STOPPED: pb.CAMPAIGN_STATUS_STOPPED,
}


def campaign_to_proto(campaign: Campaign) -> pb.Campaign:
    """Writes a campaign for clients."""
    spec = pb.CampaignSpec(
        text=campaign.text,
        category=campaign.category,
        keywords=campaign.keywords,
        targeting=targeting_to_proto(campaign.targeting),
        cpc_nanos=campaign.cpc_nanos,
        cpa_nanos=campaign.cpa_nanos,
        budget_nanos=campaign.budget_nanos,
        start_time=timestamp(campaign.window.start_us),
        end_time=timestamp(campaign.window.end_us),
        account=campaign.account,
    )
    return pb.Campaign(
        campaign_id=campaign.campaign_id,
        spec=spec,
        status=STATUSES[campaign.status],
        cpm_nanos=cpm_nanos(bid_key(campaign.cpc_nanos, campaign.cpa_nanos)),
        spent_nanos=campaign.spent_nanos,
        leftover_nanos=campaign.leftover_nanos,
        slot_budget_nanos=campaign.slot_budget_nanos,
        create_time=timestamp(campaign.created_us),
        update_time=timestamp(campaign.updated_us),
    )


def targeting_to_proto(targeting: Targeting) -> pb.Targeting:
    """Writes a targeting for clients."""
    return pb.Targeting(
        gender=targeting.gender,
        age_start=targeting.age_start,
        age_end=targeting.age_end,
        city=targeting.city,
        state=targeting.state,
        country=targeting.country,
        income_bucket=targeting.income_bucket,
        device=targeting.device,
    )


def timestamp(time_us: int) -> Timestamp:
    """Writes an instant in microseconds since the epoch."""
    return Timestamp(seconds=time_us // US_PER_SECOND, nanos=time_us % US_PER_SECOND * 1_000)
