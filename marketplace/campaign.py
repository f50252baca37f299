"""A campaign: one ad with its targeting, bids, budget and window."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marketplace.bids import bid_key

ALL: Final = "All"
DEFAULT_ACCOUNT: Final = "default"
PRIVACY_USER_ID: Final = "1111-1111-1111-1111"


class Status(StrEnum):
    """What a campaign is doing."""

    ACTIVE = "ACTIVE"
    EXHAUSTED = "EXHAUSTED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targeting:
    """Whom a campaign wants to reach; `All` (or ages 0-0) reaches everyone in that dimension."""

    gender: str = ALL
    age_start: int = 0
    age_end: int = 0
    city: str = ALL
    state: str = ALL
    country: str = ALL
    income_bucket: str = ALL
    device: str = ALL

    @property
    def age_range(self) -> str:
        """Returns the ages as reports show them: `20-45`, or `All`."""
        return ALL if self.age_start == self.age_end == 0 else f"{self.age_start}-{self.age_end}"

    @property
    def location(self) -> str:
        """Returns the place as reports show it: `Mumbai, Maharashtra, India`."""
        return f"{self.city}, {self.state}, {self.country}"


@dataclass(frozen=True, slots=True)
class Window:
    """One continuous interval [start, end) in microseconds since the Unix epoch, UTC."""

    start_us: int
    end_us: int

    def open_at(self, now_us: int) -> bool:
        """Tells whether the instant lies in the window."""
        return self.start_us <= now_us < self.end_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as the store keeps it. Money in nanos, times in microseconds since the epoch."""

    campaign_id: str
    account: str
    text: str
    category: str
    keywords: str
    targeting: Targeting
    window: Window
    cpc_nanos: int
    cpa_nanos: int
    budget_nanos: int
    highest_budget_nanos: int
    spent_nanos: int = 0
    status: Status = Status.ACTIVE
    slot_no: int = 0
    slot_budget_nanos: int = 0
    event_seq: int = 0
    change_no: int = 0
    created_us: int = 0
    updated_us: int = 0

    @property
    def leftover_nanos(self) -> int:
        """Returns what is left of the budget; a budget lowered below what was spent leaves 0."""
        return max(0, self.budget_nanos - self.spent_nanos)

    @property
    def servable(self) -> bool:
        """Tells whether what the store knows lets it bid; only its window, which opens by itself, is left."""
        return (
            self.status is Status.ACTIVE
            and self.leftover_nanos > 0
            and self.slot_budget_nanos > 0
            and bid_key(self.cpc_nanos, self.cpa_nanos) > 0
        )
