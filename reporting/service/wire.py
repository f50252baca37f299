"""What the reporting service reads, in protobuf; and what topics and ledger hold, in its own words."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from adplatform.v1 import campaign_manager_pb2 as manager_pb
from adplatform.v1 import events_pb2
from adplatform.v1 import reporting_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from marketplace.campaign import Targeting
from marketplace.campaign_wire import campaign_to_proto, timestamp
from marketplace.errors import InvalidArgument
from marketplace.ports import Record
from marketplace.wire import serve_from_proto
from reporting.service.course import Event, Step
from reporting.service.health import Checked, State
from reporting.service.history import CommandEntry
from reporting.service.ledger import Line
from reporting.service.sample import Sample, SampledAd, auction_number
from reporting.service.search import Order, Phase
from reporting.service.standing import Standing
from reporting.service.traffic import Minute, Seen
from reporting.service.wins import Wins

PHASES: Final[dict[int, Phase | None]] = {
    pb.CAMPAIGN_PHASE_UNSPECIFIED: None,
    pb.CAMPAIGN_PHASE_LIVE: Phase.LIVE,
    pb.CAMPAIGN_PHASE_SCHEDULED: Phase.SCHEDULED,
    pb.CAMPAIGN_PHASE_ENDED: Phase.ENDED,
    pb.CAMPAIGN_PHASE_EXHAUSTED: Phase.EXHAUSTED,
    pb.CAMPAIGN_PHASE_STOPPED: Phase.STOPPED,
}
ORDERS: Final[dict[int, Order]] = {
    pb.CAMPAIGN_ORDER_UNSPECIFIED: Order.CREATION,
    pb.CAMPAIGN_ORDER_ID: Order.ID,
    pb.CAMPAIGN_ORDER_TEXT: Order.TEXT,
    pb.CAMPAIGN_ORDER_SPENT: Order.SPENT,
    pb.CAMPAIGN_ORDER_BUDGET: Order.BUDGET,
    pb.CAMPAIGN_ORDER_BID: Order.BID,
    pb.CAMPAIGN_ORDER_END: Order.END,
    pb.CAMPAIGN_ORDER_UPDATE: Order.UPDATE,
}
_STATES: Final = {
    State.SERVING: pb.HEALTH_STATE_SERVING,
    State.NOT_SERVING: pb.HEALTH_STATE_NOT_SERVING,
    State.UNREACHABLE: pb.HEALTH_STATE_UNREACHABLE,
}
_COMMAND_STATES: Final = {
    "": manager_pb.COMMAND_STATE_PENDING,
    "applied": manager_pb.COMMAND_STATE_APPLIED,
    "repeat": manager_pb.COMMAND_STATE_REPEAT,
    "late": manager_pb.COMMAND_STATE_LATE,
    "rejected": manager_pb.COMMAND_STATE_REJECTED,
}
_MOST: Final = 2**63 - 1
_FIRST_S: Final = -62_135_596_800  # 0001-01-01
_LAST_S: Final = 253_402_300_799  # the last second of 9999-12-31


def seen_feedback(records: Iterable[Record]) -> list[Seen]:
    """Reads what feedback adds to the traffic."""
    events = (events_pb2.FeedbackEvent.FromString(record.value) for record in records)
    return [
        Seen(event.charged_at_us, 0, event.view, event.click, event.acquisition, event.charged_nanos)
        for event in events
    ]


def seen_serves(records: Iterable[Record], sample: Sample) -> tuple[list[Seen], list[SampledAd]]:
    """Reads what serves add to the traffic and to the sample."""
    seen, sampled = [], []
    for record in records:
        served = events_pb2.ServedAdBatch.FromString(record.value).served_ads
        seen.append(Seen(record.time_us, ads=len(served)))
        numbered = ((auction_number(ad.user_id, ad.served_at_us), ad) for ad in served)
        sampled += [_sampled(ad, auction) for auction, ad in numbered if sample.takes(auction)]
    return seen, sampled


def _sampled(ad: events_pb2.ServedAd, auction: int) -> SampledAd:
    return SampledAd(
        ad.served_at_us,
        ad.campaign.campaign_id,
        ad.campaign.bid_cpm_nanos,
        ad.auction_cpm_nanos,
        ad.user_age if ad.HasField("user_age") else None,
        ad.user_gender,
        ad.user_income_bucket,
        ad.city,
        ad.state,
        ad.device_type,
        ad.country,
        auction,
    )


def course_event(value: bytes) -> Event:
    """Reads what a course needs of a ledger's event."""
    event = events_pb2.FeedbackEvent.FromString(value)
    served = event.served_ad
    return Event(
        event.event_seq,
        event.charged_at_us,
        event.view,
        event.click,
        event.acquisition,
        event.charged_nanos,
        event.uncharged_nanos,
        served.campaign.bid_cpm_nanos,
        served.auction_cpm_nanos,
    )


def charge_to_proto(line: Line) -> pb.Charge:
    """Writes a line of the ledger."""
    serve = serve_from_proto(events_pb2.FeedbackEvent.FromString(line.event).served_ad)
    return pb.Charge(
        event_seq=line.event_seq,
        request_id=serve.request_id,
        action=line.action,  # type: ignore[arg-type]  # the same numbers
        charge_time=timestamp(line.charged_at_us),
        serve_time=timestamp(serve.served_at_us),
        price_nanos=line.price_nanos,
        charged_nanos=line.charged_nanos,
        uncharged_nanos=line.uncharged_nanos,
        bid_cpm_nanos=serve.winner.bid_cpm_nanos,
        clearing_cpm_nanos=serve.auction_cpm_nanos,
        user_id=serve.viewer.user_id,
        city=serve.viewer.city,
        device_type=serve.viewer.device_type,
    )


def targeting_of(message: manager_pb.Targeting) -> Targeting:
    """Reads a targeting."""
    return Targeting(
        gender=message.gender,
        age_start=message.age_start,
        age_end=message.age_end,
        city=message.city,
        state=message.state,
        country=message.country,
        income_bucket=message.income_bucket,
        device=message.device,
    )


def minute_to_proto(minute: Minute) -> pb.TrafficMinute:
    """Writes a minute of traffic."""
    return pb.TrafficMinute(
        start_time=timestamp(minute.start_us),
        ads=minute.ads,
        views=minute.views,
        clicks=minute.clicks,
        acquisitions=minute.acquisitions,
        charged_nanos=minute.charged_nanos,
        seconds=minute.seconds,
    )


def put_standing(standing: Standing, into: pb.GetOverviewResponse) -> None:
    """Writes how campaigns stand."""
    counts = {phase.value: count for phase, count in standing.counts.items()}
    into.campaigns.CopyFrom(pb.CampaignCounts(total=standing.total, **counts))
    into.spent_nanos = min(standing.spent_nanos, _MOST)
    into.live_leftover_nanos = min(standing.live_leftover_nanos, _MOST)
    into.ending.extend(map(campaign_to_proto, standing.ending))
    into.nearly_spent.extend(map(campaign_to_proto, standing.nearly_spent))


def health_to_proto(checked: Checked) -> pb.ProcessHealth:
    """Writes the health of a process."""
    return pb.ProcessHealth(name=checked.name, address=checked.address, state=_STATES[checked.state])


def command_to_proto(entry: CommandEntry) -> pb.CommandRecord:
    """Writes a command."""
    return pb.CommandRecord(
        command_id=entry.command_id,
        action=entry.action,
        state=_COMMAND_STATES[entry.outcome],
        reason=entry.reason,
        time=timestamp(entry.time_us),
    )


def step_to_proto(step: Step, wins: Wins) -> pb.SeriesPoint:
    """Writes a step of a campaign's course."""
    return pb.SeriesPoint(
        start_time=timestamp(step.start_us),
        wins=wins.count,
        views=step.views,
        clicks=step.clicks,
        acquisitions=step.acquisitions,
        charged_nanos=step.charged_nanos,
        uncharged_nanos=step.uncharged_nanos,
        bid_cpm_nanos=step.bid_cpm_nanos,
        clearing_cpm_nanos=step.clearing_cpm_nanos,
        won_cpm_nanos=wins.clearing_cpm_nanos,
    )


def micros(message: Timestamp, name: str) -> int:
    """Reads an instant as microseconds since the epoch. Raises InvalidArgument for what is none by its definition."""
    if not (_FIRST_S <= message.seconds <= _LAST_S and 0 <= message.nanos < 1_000_000_000):
        raise InvalidArgument("is not an instant of the years 1 to 9999", name)
    return message.seconds * 1_000_000 + message.nanos // 1_000


def moment(instant: datetime) -> Timestamp:
    """Writes an aware instant."""
    found = Timestamp()
    found.FromDatetime(instant)
    return found
