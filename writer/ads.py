"""Archives the ads table: one file, replaced whole."""

from collections.abc import Iterable

from marketplace.archive_layout import ADS_FILE
from marketplace.bids import bid_key, cpm_nanos
from marketplace.campaign import Campaign
from marketplace.ports import ArchiveFiles
from marketplace.runtime.archive.parquet import parquet_writer
from marketplace.runtime.archive.schema import ADS
from writer.rows import money, table


def archive_ads(campaigns: Iterable[Campaign], files: ArchiveFiles) -> int:
    """Puts the campaigns, all of one snapshot, in place of those archived before; returns how many they are.

    Readers see the old file or the new one, nothing between. Safe to repeat. Raises OSError and leaves the old one.
    """
    rows = list(campaigns)
    content = table(
        {
            "campaign_id": [campaign.campaign_id for campaign in rows],
            "account": [campaign.account for campaign in rows],
            "category": [campaign.category for campaign in rows],
            "status": [campaign.status.value for campaign in rows],
            "budget": money(campaign.budget_nanos for campaign in rows),
            "spent": money(campaign.spent_nanos for campaign in rows),
            "cpm": money(cpm_nanos(bid_key(campaign.cpc_nanos, campaign.cpa_nanos)) for campaign in rows),
            "cpc": money(campaign.cpc_nanos for campaign in rows),
            "cpa": money(campaign.cpa_nanos for campaign in rows),
            "target_device": [campaign.targeting.device for campaign in rows],
            "event_seq": [campaign.event_seq for campaign in rows],
        },
        ADS,
    )
    files.replace(files.write_aside(ADS_FILE, parquet_writer(content)), ADS_FILE)
    return len(rows)
