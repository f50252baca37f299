"""What a command does to a campaign. Pure: the campaign as stored goes in, the campaign to store comes out."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Final, TypeVar

from admanager.commands import CampaignFields, Command, Rejected, Verb
from admanager.fields import Range
from marketplace.campaign import DEFAULT_ACCOUNT, Campaign, Status, Targeting, Window
from marketplace.clock import US_PER_SECOND
from marketplace.slots import SlotGrid, current_slot, slot_share_nanos


class Outcome(StrEnum):
    """What became of a command."""

    APPLIED = "applied"
    REPEAT = "repeat"
    LATE = "late"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the decisions depend on besides command and campaign."""

    grid: SlotGrid
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome, and the campaign to store where it is APPLIED."""

    outcome: Outcome
    campaign: Campaign | None = None


T = TypeVar("T")

_LATE: Final = Applied(Outcome.LATE)
_REPEAT: Final = Applied(Outcome.REPEAT)


def apply_command(command: Command, known: Campaign | None, now_us: int, rules: Rules) -> Applied:
    """Decides what a command does to its campaign. Raises Rejected where it cannot be applied.

    New: inserts; for a known campaign a repeat. Update: sets what it carries; what was spent stays spent. Stop: final.
    An Update or Stop for an unknown campaign stores the row that it carries, if complete. One that names another
    account than the campaign's is rejected.
    """
    if known is None:
        status = Status.STOPPED if command.verb is Verb.STOP else Status.ACTIVE
        return Applied(Outcome.APPLIED, _paced(_created(command, status, now_us, rules), now_us, rules))
    if command.verb is not Verb.NEW and command.account not in (None, known.account):
        raise Rejected("account", "is not the campaign's")
    if known.status is Status.STOPPED:
        return _LATE
    match command.verb:
        case Verb.NEW:
            return _REPEAT
        case Verb.STOP:
            return Applied(Outcome.APPLIED, replace(known, status=Status.STOPPED, updated_us=now_us))
        case Verb.UPDATE:
            updated = replace(_updated(command.campaign, known, rules.zone), updated_us=now_us)
            return Applied(Outcome.APPLIED, _paced(updated, now_us, rules))


def _created(command: Command, status: Status, now_us: int, rules: Rules) -> Campaign:
    new = command.campaign
    if command.flaws or new.missing:
        lacking = ", ".join(command.flaws) or f"{new.missing[0]} is missing"
        raise Rejected("campaign_id", f"is unknown, and the command does not carry the whole campaign: {lacking}")
    blank = Campaign(
        campaign_id=command.campaign_id,
        account=command.account or DEFAULT_ACCOUNT,
        text="",
        category="",
        keywords="",
        targeting=Targeting(),
        window=Window(0, 0),
        cpc_nanos=0,
        cpa_nanos=0,
        budget_nanos=0,
        highest_budget_nanos=0,
        status=status,
        created_us=now_us,
        updated_us=now_us,
    )
    return _updated(new, blank, rules.zone)


def _updated(new: CampaignFields, old: Campaign, zone: tzinfo) -> Campaign:
    budget_nanos = _or(new.budget, old.budget_nanos)
    return replace(
        old,
        text=_or(new.text, old.text),
        category=_or(new.category, old.category),
        keywords=_or(new.keywords, old.keywords),
        targeting=_retargeted(new, old.targeting),
        window=_rescheduled(new, old.window, zone),
        cpc_nanos=_or(new.cpc, old.cpc_nanos),
        cpa_nanos=_or(new.cpa, old.cpa_nanos),
        budget_nanos=budget_nanos,
        highest_budget_nanos=max(old.highest_budget_nanos, budget_nanos),
    )


def _retargeted(new: CampaignFields, old: Targeting) -> Targeting:
    ages = new.target_age_range or Range(old.age_start, old.age_end)
    return Targeting(
        gender=_or(new.target_gender, old.gender),
        age_start=ages.start,
        age_end=ages.end,
        city=_or(new.target_city, old.city),
        state=_or(new.target_state, old.state),
        country=_or(new.target_country, old.country),
        income_bucket=_or(new.target_income_bucket, old.income_bucket),
        device=_or(new.target_device, old.device),
    )


def _rescheduled(new: CampaignFields, old: Window, zone: tzinfo) -> Window:
    if new.date_range is None and new.time_range is None:
        return old
    try:
        old_start, old_end = (datetime.fromtimestamp(us / US_PER_SECOND, zone) for us in (old.start_us, old.end_us))
        dates = new.date_range or Range(old_start.date(), old_end.date())
        times = new.time_range or Range(old_start.time(), old_end.time())
        start = datetime.combine(dates.start, times.start, zone)
        end = datetime.combine(dates.end, times.end, zone)
        if end <= start:
            raise Rejected("date_range", "the campaign's end is not after its start")
        return Window(_micros(start), _micros(end))
    except (OverflowError, ValueError):  # years 1 and 9999 are not the same everywhere
        raise Rejected("date_range", "is out of range") from None


def _micros(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * US_PER_SECOND


def _paced(campaign: Campaign, now_us: int, rules: Rules) -> Campaign:
    if campaign.status is not Status.STOPPED:
        campaign = replace(campaign, status=Status.ACTIVE if campaign.leftover_nanos else Status.EXHAUSTED)
    slot_no = current_slot(rules.grid, campaign.window, now_us)
    share = slot_share_nanos(rules.grid, campaign.window, campaign.leftover_nanos, slot_no)
    return replace(campaign, slot_no=slot_no, slot_budget_nanos=share)


def _or(new: T | None, old: T) -> T:
    return old if new is None else new
