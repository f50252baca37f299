"""Campaigns and commands between protobuf and the ad manager's own words."""

from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from adplatform.v1 import campaign_manager_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from admanager.commands import Verb
from admanager.lifecycle import Outcome
from admanager.ports import CampaignFilter, CommandReport
from marketplace.campaign import Status
from marketplace.campaign_wire import STATUSES
from marketplace.errors import InvalidArgument
from marketplace.money import to_decimal

_STATES: Final = {
    None: pb.COMMAND_STATE_PENDING,
    Outcome.APPLIED: pb.COMMAND_STATE_APPLIED,
    Outcome.REPEAT: pb.COMMAND_STATE_REPEAT,
    Outcome.LATE: pb.COMMAND_STATE_LATE,
    Outcome.REJECTED: pb.COMMAND_STATE_REJECTED,
}


def spec_fields(spec: pb.CampaignSpec, zone: tzinfo) -> dict[str, Any]:
    """Returns a new campaign as fields of a command."""
    fields: dict[str, Any] = {"text": spec.text, "category": spec.category, "keywords": spec.keywords}
    fields |= _targeting_fields(spec.targeting)
    fields |= {name: _amount(name, getattr(spec, f"{name}_nanos")) for name in ("cpc", "cpa", "budget")}
    if not (spec.HasField("start_time") and spec.HasField("end_time")):
        raise InvalidArgument("start_time and end_time are needed", "date_range")
    return fields | _window_fields(spec.start_time, spec.end_time, zone) | {"account": spec.account or None}


def change_fields(change: pb.CampaignChange, zone: tzinfo) -> dict[str, Any]:
    """Returns what an update changes as fields of a command; what it leaves out is left out."""
    fields: dict[str, Any] = {
        name: getattr(change, name) for name in ("text", "category", "keywords") if change.HasField(name)
    }
    if change.HasField("targeting"):
        fields |= _targeting_fields(change.targeting)
    for name in ("cpc", "cpa", "budget"):
        if change.HasField(f"{name}_nanos"):  # type: ignore[arg-type]
            fields[name] = _amount(name, getattr(change, f"{name}_nanos"))
    if change.HasField("start_time") != change.HasField("end_time"):
        raise InvalidArgument("start_time and end_time go together", "date_range")
    if change.HasField("start_time"):
        fields |= _window_fields(change.start_time, change.end_time, zone)
    if not fields:
        raise InvalidArgument("says nothing that changes", "change")
    return fields


def proto_field(verb: Verb, field: str) -> str:
    """Returns the request's name for a field of a command, such as `campaign.targeting.city` for `target_city`."""
    inside = "campaign." if verb is Verb.NEW else "change."
    if field in ("cpc", "cpa", "budget"):
        return f"{inside}{field}_nanos"
    if field.startswith("target_"):
        name = field.removeprefix("target_").replace("age_range", "age_end")
        return f"{inside}targeting.{name}"
    if field in ("date_range", "time_range"):
        return f"{inside}end_time"
    return field if field.endswith("_id") or field == "change" else inside + field


def filter_of(request: pb.ListCampaignsRequest) -> CampaignFilter:
    """Reads a list's filters. Raises InvalidArgument for an unknown status."""
    statuses: dict[int, Status | None] = {value: status for status, value in STATUSES.items()}
    statuses[pb.CAMPAIGN_STATUS_UNSPECIFIED] = None
    if request.status not in statuses:
        raise InvalidArgument(f"{request.status} is not a status", "status")
    return CampaignFilter(
        status=statuses[request.status],
        category=request.category or None,
        city=request.city or None,
        device=request.device or None,
        account=request.account or None,
    )


def command_to_proto(command_id: str, report: CommandReport) -> pb.GetCommandResponse:
    """Writes what became of a command."""
    return pb.GetCommandResponse(
        command_id=command_id,
        state=_STATES[report.outcome],
        reason=report.reason,
        campaign_id=report.campaign_id,
    )


def _amount(name: str, nanos: int) -> str:
    if nanos < 0:
        raise InvalidArgument(f"{nanos} is negative", name)
    return f"{to_decimal(nanos):f}"


def _targeting_fields(targeting: pb.Targeting) -> dict[str, Any]:
    return {
        "target_gender": targeting.gender,
        "target_age_range": {"start": targeting.age_start, "end": targeting.age_end},
        "target_city": targeting.city,
        "target_state": targeting.state,
        "target_country": targeting.country,
        "target_income_bucket": targeting.income_bucket,
        "target_device": targeting.device,
    }


def _window_fields(start: Timestamp, end: Timestamp, zone: tzinfo) -> dict[str, Any]:
    moments = {"start": _moment(start, zone), "end": _moment(end, zone)}
    return {
        "date_range": {name: f"{moment:%Y-%m-%d}" for name, moment in moments.items()},
        "time_range": {name: f"{moment:%H:%M:%S}" for name, moment in moments.items()},
    }


def _moment(timestamp: Timestamp, zone: tzinfo) -> datetime:
    if timestamp.nanos:
        raise InvalidArgument("start_time and end_time must be whole seconds", "date_range")
    try:
        return datetime.fromtimestamp(timestamp.seconds, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        raise InvalidArgument("start_time or end_time is out of range", "date_range") from None
