"""What a campaign is doing, in words and colours."""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from adplatform.v1 import campaign_manager_pb2 as manager_pb
from adplatform.v1 import reporting_pb2 as pb

PHASES: Final = {
    "live": pb.CAMPAIGN_PHASE_LIVE,
    "scheduled": pb.CAMPAIGN_PHASE_SCHEDULED,
    "ended": pb.CAMPAIGN_PHASE_ENDED,
    "exhausted": pb.CAMPAIGN_PHASE_EXHAUSTED,
    "stopped": pb.CAMPAIGN_PHASE_STOPPED,
}
"""Phases by their names in addresses."""


class Status(NamedTuple):
    """A word and its colour."""

    word: str
    tone: str


def status_of(campaign: manager_pb.Campaign, now: datetime) -> Status:
    """Returns what a campaign is doing at an instant."""
    match campaign.status:
        case manager_pb.CAMPAIGN_STATUS_STOPPED:
            return Status("Stopped", "off")
        case manager_pb.CAMPAIGN_STATUS_INACTIVE:
            return Status("Budget spent", "warn")
    if _at(campaign.spec.start_time) > now:
        return Status("Scheduled", "info")
    if _at(campaign.spec.end_time) <= now:
        return Status("Ended", "off")
    if campaign.slot_budget_nanos == 0:
        return Status("Live, slot spent", "warn")
    return Status("Live", "good")


class CommandWord(NamedTuple):
    """What became of a command: a word, its colour, and whether that is final."""

    word: str
    tone: str
    final: bool


COMMANDS: Final = {
    manager_pb.COMMAND_STATE_PENDING: CommandWord("Sent", "info", False),
    manager_pb.COMMAND_STATE_APPLIED: CommandWord("Applied", "good", True),
    manager_pb.COMMAND_STATE_REPEAT: CommandWord("Repeat, nothing changed", "off", True),
    manager_pb.COMMAND_STATE_LATE: CommandWord("Too late, the campaign was stopped", "warn", True),
    manager_pb.COMMAND_STATE_REJECTED: CommandWord("Rejected", "bad", True),
}


def _at(stamp: Any) -> datetime:
    return datetime.fromtimestamp(stamp.seconds, UTC)
