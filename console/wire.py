"""Campaigns between the form and protobuf."""

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from adplatform.v1 import campaign_manager_pb2 as pb

from console import shown
from console.fields import NAMES, CampaignFields

_AMOUNTS: Final = ("cpc", "cpa", "budget")
_TEXTS: Final = ("text", "category", "keywords")
_TARGETS: Final = {"gender", "age_start", "age_end", "income_bucket", "city", "state", "country", "device"}


def shown_nanos(text: str) -> int:
    """Reads nanos that a form carries along; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def values_of(campaign: pb.Campaign, zone: tzinfo) -> dict[str, str]:
    """Returns a campaign as the form's fields hold it."""
    spec, target = campaign.spec, campaign.spec.targeting
    values = {name: getattr(spec, name) for name in _TEXTS}
    values |= {name: shown.plain(getattr(spec, f"{name}_nanos")) for name in _AMOUNTS}
    values |= {name: getattr(target, name) for name in ("city", "state", "country", "device")}
    return values | {
        "gender": target.gender or "All",
        "income_bucket": target.income_bucket or "All",
        "age_start": str(target.age_start),
        "age_end": str(target.age_end),
        "start": shown.local_input(spec.start_time, zone),
        "end": shown.local_input(spec.end_time, zone),
        "account": spec.account,
        "spent": str(campaign.spent_nanos),
    }


def changed_names(values: Mapping[str, str]) -> set[str]:
    """Returns the fields that differ from what the form was loaded with; all of them if it does not say."""
    try:
        loaded = json.loads(values.get("loaded", ""))
    except ValueError:
        loaded = {}
    known = loaded if isinstance(loaded, dict) else {}
    return {name for name in NAMES if known.get(name) != values.get(name, "").replace("\r\n", "\n")}


def change_of(campaign: CampaignFields, changed: set[str]) -> pb.CampaignChange | None:
    """Returns an update of the changed fields; None where nothing has changed. Targets and windows change whole."""
    change = pb.CampaignChange()
    for name in _TEXTS:
        if name in changed:
            setattr(change, name, getattr(campaign, name))
    for name in _AMOUNTS:
        if name in changed:
            setattr(change, f"{name}_nanos", getattr(campaign, f"{name}_nanos"))
    if changed & _TARGETS:
        change.targeting.CopyFrom(targeting_to_proto(campaign))
    if changed & {"start", "end"}:
        change.start_time.FromDatetime(campaign.start)
        change.end_time.FromDatetime(campaign.end)
    return change if change.ListFields() else None


def spec_of(campaign: CampaignFields, account: str) -> pb.CampaignSpec:
    """Returns a new campaign; `account` is the one that its owner is limited to, if any."""
    spec = pb.CampaignSpec(
        text=campaign.text,
        category=campaign.category,
        keywords=campaign.keywords,
        targeting=targeting_to_proto(campaign),
        cpc_nanos=campaign.cpc_nanos,
        cpa_nanos=campaign.cpa_nanos,
        budget_nanos=campaign.budget_nanos,
        account=account or campaign.account,
    )
    spec.start_time.FromDatetime(campaign.start)
    spec.end_time.FromDatetime(campaign.end)
    return spec


def targeting_to_proto(campaign: CampaignFields) -> pb.Targeting:
    """Returns whom a campaign reaches."""
    target = campaign.targeting
    return pb.Targeting(
        gender=target.gender,
        age_start=target.age_start,
        age_end=target.age_end,
        city=target.city,
        state=target.state,
        country=target.country,
        income_bucket=target.income_bucket,
        device=target.device,
    )
