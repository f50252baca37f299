"""Plans, estimates and series in protobuf."""

from typing import Final

from adplatform.v1 import reporting_pb2 as pb

from marketplace.campaign import Window
from marketplace.campaign_wire import timestamp
from marketplace.clock import US_PER_SECOND
from marketplace.errors import InvalidArgument
from marketplace.money import MAX_BUDGET_NANOS, MAX_PRICE_NANOS
from reporting.service.choices import Choice
from reporting.service.estimate import Kind
from reporting.service.share import Share
from reporting.service.views import Estimate, Plan, Series
from reporting.service.wins import Wins
from reporting.service.wire import micros, step_to_proto, targeting_of

_LIMITS: Final = {"cpc_nanos": MAX_PRICE_NANOS, "cpa_nanos": MAX_PRICE_NANOS, "leftover_nanos": MAX_BUDGET_NANOS}


def plan_of(request: pb.EstimateCampaignRequest) -> Plan:
    """Reads a campaign as it may be saved. Raises InvalidArgument."""
    for name, limit in _LIMITS.items():
        if not 0 <= getattr(request, name) <= limit:
            raise InvalidArgument(f"is not between 0 and {limit:,}", name)
    window = Window(*(micros(getattr(request, name), name) for name in ("start_time", "end_time")))
    if window.end_us <= window.start_us:
        raise InvalidArgument("is not after start_time", "end_time")
    return Plan(
        campaign_id=request.campaign_id,
        targeting=targeting_of(request.targeting),
        window=window,
        cpc_nanos=request.cpc_nanos,
        cpa_nanos=request.cpa_nanos,
        leftover_nanos=request.leftover_nanos,
    )


def estimate_to_proto(estimate: Estimate, slot_us: int) -> pb.EstimateCampaignResponse:
    """Writes an estimate."""
    return pb.EstimateCampaignResponse(
        known_users=estimate.known_users,
        matching_users=estimate.matching_users,
        rivals=estimate.rivals.all,
        higher_rivals=estimate.rivals.higher,
        equal_rivals=estimate.rivals.equal,
        slots=estimate.slots.count,
        slot_budget_nanos=estimate.slots.share_nanos,
        slot_seconds=slot_us // US_PER_SECOND,
        sampled_ads=estimate.demand.sampled,
        matching_ads=estimate.demand.matching,
        winnable_ads=estimate.demand.winnable,
        slot_ads=estimate.demand.slot_ads,
        slot_spend_nanos=estimate.demand.slot_spend_nanos,
    )


def series_to_proto(series: Series, share: Share, per_million: int) -> pb.GetCampaignSeriesResponse:
    """Writes a campaign's course, and how it fared in the sample if anything was sampled."""
    response = pb.GetCampaignSeriesResponse(
        step_seconds=series.step_us // US_PER_SECOND,
        points=(step_to_proto(step, series.wins.get(step.start_us, Wins())) for step in series.steps),
        complete=series.complete,
        charged_before_nanos=series.charged_before_nanos,
    )
    if series.wins_since_us is not None:
        response.wins_start_time.CopyFrom(timestamp(series.wins_since_us))
    if share.sampled:
        response.auctions.CopyFrom(
            pb.AuctionShare(
                sampled_ads=share.sampled,
                entered=share.entered,
                won=share.won,
                winning_bid_cpm_nanos=share.winning_bid_cpm_nanos,
                sampled_per_million=per_million,
                sampled_auctions=share.auctions,
                start_time=timestamp(share.since_us),
            )
        )
    return response


def choices_to_proto(choices: dict[str, list[Choice]]) -> pb.ListChoicesResponse:
    """Writes the values that campaigns have."""
    written = {
        name: [pb.Choice(value=choice.value, campaigns=choice.campaigns) for choice in values]
        for name, values in choices.items()
    }
    return pb.ListChoicesResponse(**written)


def user_to_proto(user_id: str, kind: Kind) -> pb.KnownUser:
    """Writes what is known of a user."""
    return pb.KnownUser(
        user_id=user_id,
        age=kind.age,
        gender=kind.gender,
        income_bucket=kind.income_bucket,
        device_type=kind.device_type,
    )
