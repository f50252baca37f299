"""What the services have behind them: three campaigns, a store that answers for them, and keys for receipts."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from types import SimpleNamespace
from typing import Any, Final

from admanager.lifecycle import Outcome
from admanager.ports import CommandReport
from feedback.charging import Account
from marketplace.campaign import Campaign, Status, Targeting, Window
from marketplace.ports import Message
from marketplace.receipt import KeyRing, ReceiptKey
from marketplace.serve import Serve, Viewer, Winner
from marketplace.wire import encode_serve

NOW_US: Final = 1_790_848_800_000_000
DAY_US: Final = 86_400_000_000
RING: Final = KeyRing([ReceiptKey(b"key1", bytes(32), 0)])


def clock() -> int:
    """Returns the instant at which everything happens."""
    return NOW_US


def campaign(campaign_id: str, status: Status = Status.ACTIVE, **changes: Any) -> Campaign:
    """Returns a campaign that can be served."""
    whole: dict[str, Any] = {
        "campaign_id": campaign_id,
        "account": "default",
        "text": "Tin robot",
        "category": "Toys",
        "keywords": "tin",
        "targeting": Targeting(),
        "window": Window(NOW_US - DAY_US, NOW_US + DAY_US),
        "cpc_nanos": 660_000,
        "cpa_nanos": 52_900_000,
        "budget_nanos": 10**12,
        "highest_budget_nanos": 10**12,
        "slot_budget_nanos": 10**11,
        "status": status,
    }
    return Campaign(**(whole | changes))


CAMPAIGNS: Final = {
    "known": campaign("known"),
    "stopped": campaign("stopped", Status.STOPPED),
    "c": campaign("c", targeting=Targeting(gender="F", age_start=20, age_end=45, city="Mumbai")),
}


class Store:
    """What the services read and write, as far as a call needs it. What is published is kept."""

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self._submitted = {"known"}

    def of_account(self, account: str) -> "Store":
        return self

    def campaign(self, campaign_id: str) -> Campaign | None:
        return CAMPAIGNS.get(campaign_id)

    def campaigns(self, wanted: Any, after_id: str, limit: int) -> list[Campaign]:
        return [row for name, row in sorted(CAMPAIGNS.items()) if name > after_id][:limit]

    def command(self, command_id: str) -> CommandReport | None:
        return CommandReport("known", Outcome.APPLIED, "") if command_id in self._submitted else None

    def submitted_campaign(self, campaign_id: str) -> bool:
        return campaign_id == "c:submitted"

    def submit(self, command_id: str, *_: Any) -> None:
        self._submitted = {"known", command_id}

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self.published += [message.value for message in messages]

    @contextmanager
    def charging(self) -> Iterator[Any]:
        yield SimpleNamespace(
            lock_accounts=lambda ids: {name: account(CAMPAIGNS[name]) for name in ids if name in CAMPAIGNS},
            histories=lambda ids: {},
            record=lambda charges: None,
            save=lambda accounts, flipped: None,
            commit=lambda: None,
        )


def account(of: Campaign) -> Account:
    """Returns the part of a campaign that a charge needs."""
    return Account(**{field.name: getattr(of, field.name) for field in fields(Account)})


def serve(served_at_us: int = NOW_US, **changes: Any) -> Serve:
    """Returns a serve of a known campaign."""
    whole: dict[str, Any] = {
        "request_id": str(uuid.UUID(int=1)),
        "served_at_us": served_at_us,
        "viewer": Viewer(user_id="u"),
        "winner": Winner.of(CAMPAIGNS["known"]),
        "auction_cpm_nanos": 1,
        "auction_cpc_nanos": 2,
        "auction_cpa_nanos": 3,
    }
    return Serve(**(whole | changes))


def receipt(served_at_us: int = NOW_US) -> bytes:
    """Returns a receipt of ours."""
    return RING.seal(encode_serve(serve(served_at_us)), NOW_US)
