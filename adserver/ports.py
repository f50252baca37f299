"""What the ad server asks of the store."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

from adserver.columns import AdColumns
from marketplace.campaign import Campaign


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the change feed was read: every change up to this (change_no, campaign_id) has been seen."""

    change_no: int = 0
    campaign_id: str = ""

    @classmethod
    def past(cls, change_no: int) -> Self:
        """Returns a cursor that covers every change of the number."""
        return cls(change_no, "~")  # above every id


class CampaignFeed(Protocol):
    """Campaigns and their changes. Numbers appear in commit order: a reader that has seen n misses nothing below."""

    def newest(self) -> Cursor:
        """Returns a cursor below which everything is visible to a read that begins now."""

    def live(self, now_us: int) -> AdColumns | Iterable[Campaign]:
        """Reads at least all campaigns that may bid, now or when their window opens, as of one moment after the call.

        In columns where they may be many.
        """

    def changes(self, after: Cursor, limit: int) -> list[Campaign]:
        """Reads changed campaigns in the order of the feed, those after the cursor."""


class ProfileSource(Protocol):
    """Users as auctions see them."""

    def version(self) -> int:
        """Returns a number that grows when users were loaded."""

    def profiles(self) -> Iterable[tuple[str, int, str, str]]:
        """Reads, one by one, each user's id, age, gender and income bucket."""
