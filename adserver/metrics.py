"""What an operator sees of an ad server. docs/metrics.md says what is normal."""

from adserver.records import ServeRecords
from adserver.refresh import Refresher
from adserver.serve import AdService
from marketplace.metrics import Figure, counter, gauge


def figures_of(service: AdService, refresher: Refresher, records: ServeRecords) -> list[Figure]:
    """Returns the figures of auctions, of the index, and of the serve records on their way to the topic."""
    counts = service.counts
    return [
        counter(
            "adplatform_auctions_total",
            "Auctions by outcome: won, or why there was no ad.",
            lambda: {
                ("won",): counts.won,
                ("no_eligible_campaign",): counts.no_eligible,
                ("no_live_campaign",): counts.no_live,
            },
            "outcome",
        ),
        counter("adplatform_ads_served_total", "Ads won in auctions.", lambda: counts.ads),
        counter(
            "adplatform_bid_cpm_nanos_total",
            "Sum of the winners' own bids, in nanos of the expected price of one impression.",
            lambda: counts.bid_cpm_nanos,
        ),
        counter(
            "adplatform_clearing_cpm_nanos_total",
            "Sum of what the winners pay, in nanos of the expected price of one impression.",
            lambda: counts.clearing_cpm_nanos,
        ),
        gauge("adplatform_index_campaigns", "Campaigns in memory.", lambda: refresher.campaigns),
        gauge(
            "adplatform_index_age_seconds",
            "Time since the campaigns in memory were known to be those of the store.",
            lambda: refresher.age_s,
        ),
        gauge("adplatform_index_users", "User profiles in memory.", lambda: len(service.profiles)),
        gauge("adplatform_serve_records_waiting", "Serve records not on the topic yet.", lambda: records.waiting),
        counter(
            "adplatform_serve_records_dropped_total",
            "Serve records dropped because too many were waiting.",
            lambda: records.dropped,
        ),
    ]
