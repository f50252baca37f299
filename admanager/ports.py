"""What the ad manager asks of the store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from admanager.lifecycle import Outcome
from marketplace.campaign import Campaign, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOutcome:
    """What became of the message at one position of the command topic."""

    offset: int
    command_id: str | None
    campaign_id: str | None
    action: str | None
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RejectedMessage:
    """A message on its way to the topic of rejected commands."""

    key: bytes | None
    value: bytes
    campaign_id: str | None


class CommandUnit(Protocol):
    """One transaction of applying commands. Nothing of it is there before `commit`, all of it after."""

    def lock_position(self) -> int:
        """Locks the partition's position row and returns the next offset to apply."""

    def seen(self, command_ids: Collection[str]) -> set[str]:
        """Returns those command ids that earlier positions carried, but for rejected ones: those may come again."""

    def lock_campaigns(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        """Locks the campaigns that exist, in the order of their ids."""

    def insert(self, campaigns: Sequence[Campaign]) -> None:
        """Stores new campaigns."""

    def update(self, campaigns: Sequence[Campaign]) -> None:
        """Stores changed campaigns."""

    def record(self, outcomes: Sequence[CommandOutcome], rejected: Sequence[RejectedMessage], applied_us: int) -> None:
        """Keeps each message's outcome, and hands rejected ones to the outbox."""

    def commit(self, next_offset: int) -> None:
        """Stores the position, gives what was inserted and updated the next change_no, and commits."""


class RefillUnit(Protocol):
    """One transaction of filling slots."""

    def lock_due(self, slot_no: int, now_us: int, after_id: str, limit: int) -> list[Campaign]:
        """Locks the next active campaigns, by id, whose slot number is below `slot_no` and that have not ended."""

    def refill(self, campaigns: Sequence[Campaign], reopened: Iterable[str]) -> None:
        """Stores slot numbers and slot budgets, gives the reopened ones the next change_no, and commits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFilter:
    """Which campaigns a list holds; None: all."""

    status: Status | None = None
    category: str | None = None
    city: str | None = None
    device: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class CommandReport:
    """What is known of a command; without an outcome it is still on its way."""

    campaign_id: str
    outcome: Outcome | None
    reason: str


class CampaignReads(Protocol):
    """What is known of campaigns and commands, or as much of it as one account may know.

    What belongs to others is as if it were not there: the same statements find nothing. Every call raises Unavailable
    where the store does not answer.
    """

    def campaign(self, campaign_id: str) -> Campaign | None:
        """Reads a campaign."""

    def campaigns(self, wanted: CampaignFilter, after_id: str, limit: int) -> list[Campaign]:
        """Reads campaigns in the order of their ids, those above `after_id`."""

    def command(self, command_id: str) -> CommandReport | None:
        """Reads what became of a command: its first outcome, or that it was submitted.

        An account knows of the commands that were submitted on its behalf.
        """

    def submitted_campaign(self, campaign_id: str) -> bool:
        """Tells whether a New for this campaign was submitted here."""


class CommandStore(CampaignReads, Protocol):
    """The store in the ad manager's words. Every call raises Unavailable where the store does not answer."""

    def of_account(self, account: str) -> CampaignReads:
        """Returns what may be read on behalf of an account, whose name is compared byte by byte."""

    def positions(self, topic: str, starts: Mapping[int, int]) -> dict[int, int]:
        """Returns the stored next offset per partition; a partition seen first begins at its `starts`."""

    def applying(self, topic: str, partition: int) -> AbstractContextManager[CommandUnit]:
        """Opens a transaction of applying commands; leaving it without a commit undoes it."""

    def refilling(self) -> AbstractContextManager[RefillUnit]:
        """Opens a transaction of filling slots."""

    def submit(self, command_id: str, campaign_id: str, action: str, now_us: int, account: str = "") -> None:
        """Keeps that a command is about to be published on behalf of an account; a second time changes nothing."""
