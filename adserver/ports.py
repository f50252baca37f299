"""What the ad server asks of the store."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from marketplace.campaign import Campaign


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the change feed was read: every change up to this (change_no, campaign_id) has been seen."""

    change_no: int = 0
    campaign_id: str = ""


class CampaignFeed(Protocol):
    """Campaigns and their changes. Numbers appear in commit order: a reader that has seen n misses nothing below."""

    def newest(self) -> Cursor:
        """Returns a cursor below which everything is visible to a read that begins now."""

    def live(self, now_us: int) -> Iterable[Campaign]:
        """Reads, one by one, each campaign that is active and has not ended, as of one moment after the call."""

    def changes(self, after: Cursor, limit: int) -> list[Campaign]:
        """Reads changed campaigns in the order of the feed, those after the cursor."""


class ProfileSource(Protocol):
    """Users as auctions see them."""

    def version(self) -> int:
        """Returns a number that grows when users were loaded."""

    def profiles(self) -> Iterable[tuple[str, int, str, str]]:
        """Reads, one by one, each user's id, age, gender and income bucket."""
