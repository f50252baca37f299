"""What the tests of the store share: a store to do things to, campaigns and feedback to do them with."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import Engine, insert, select

from admanager.apply import apply_batch
from admanager.lifecycle import Outcome, Rules
from admanager.store import SqlCommandStore
from feedback.charger import Answer, ChargeRules, Claim, Verdict, charge_batch
from feedback.store import SqlChargeStore
from marketplace.campaign import Campaign, Status, Targeting, Window
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, Record
from marketplace.runtime.store.rows import row_of
from marketplace.runtime.store.schema import ads, ledger, outbox
from marketplace.runtime.store.transactions import reading, retrying, write_transaction
from marketplace.serve import Serve, Viewer, Winner
from marketplace.slots import DEFAULT_SLOT_US, SlotGrid
from marketplace.wire import decode_terms, encode_serve

GRID = SlotGrid()
RULES = Rules(GRID, UTC)
LIFE_US = 24 * 3_600 * 1_000_000
CHARGE_RULES = ChargeRules(GRID, LIFE_US)
NOW_US = 1_790_848_800_000_000  # 2026-10-01 10:00 UTC, the first microsecond of a slot
NOW_SLOT = NOW_US // DEFAULT_SLOT_US
HOUR_US = 3_600_000_000
UNIT = 1_000_000_000


def campaign(campaign_id: str = "c", **changes: Any) -> Campaign:
    """Returns a campaign with a window of six slots that has just opened, and a budget of 60 units."""
    fields: dict[str, Any] = {
        "campaign_id": campaign_id,
        "account": "default",
        "text": "Tin robot",
        "category": "Toys",
        "keywords": "tin,robot",
        "targeting": Targeting(gender="F", age_start=20, age_end=45, city="Mumbai", device="iPhone"),
        "window": Window(NOW_US, NOW_US + HOUR_US),
        "cpc_nanos": 660_000,
        "cpa_nanos": 52_900_000,
        "budget_nanos": 60 * UNIT,
        "slot_no": NOW_SLOT,
        "slot_budget_nanos": 10 * UNIT,
        "created_us": NOW_US,
        "updated_us": NOW_US,
    }
    fields |= changes
    fields.setdefault("highest_budget_nanos", fields["budget_nanos"])
    return Campaign(**fields)


def serve_of(of: Campaign, **changes: Any) -> Serve:
    """Returns a serve of the campaign, at its own prices and a fresh one unless told otherwise."""
    serve: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "served_at_us": NOW_US,
        "viewer": Viewer(user_id="u1", age=33, gender="F", income_bucket="M", city="Mumbai"),
        "winner": Winner.of(of),
        "auction_cpm_nanos": 30_000,
        "auction_cpc_nanos": of.cpc_nanos,
        "auction_cpa_nanos": of.cpa_nanos,
    }
    return Serve(**(serve | changes))


def claim(of: Campaign, action: Action, **changes: Any) -> Claim:
    """Returns a feedback on a serve of the campaign; see `serve_of`."""
    return claim_on(serve_of(of, **changes), action)


def claim_on(serve: Serve, action: Action) -> Claim:
    """Returns a feedback on a serve."""
    return Claim(decode_terms(encode_serve(serve)), action)


def command(campaign_id: str = "c", action: str = "New Campaign", **changes: Any) -> dict[str, Any]:
    """Returns a complete command for the campaign above."""
    fields: dict[str, Any] = {
        "text": "Tin robot",
        "category": "Toys",
        "keywords": "tin,robot",
        "campaign_id": campaign_id,
        "action": action,
        "target_gender": "All",
        "target_age_range": {"start": 20, "end": 45},
        "target_city": "Mumbai",
        "target_state": "Maharashtra",
        "target_country": "India",
        "target_income_bucket": "All",
        "target_device": "All",
        "cpc": "0.00066",
        "cpa": "0.0529",
        "budget": "60",
        "date_range": {"start": "2026-10-01", "end": "2026-10-01"},
        "time_range": {"start": "10:00:00", "end": "11:00:00"},
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def records(values: Iterable[dict[str, Any] | bytes], start: int = 0, key: bytes | None = b"key") -> list[Record]:
    """Returns messages of the command topic from offset `start` on."""
    encoded = (value if isinstance(value, bytes) else json.dumps(value).encode() for value in values)
    return [Record(COMMANDS, 0, offset, NOW_US, key, value) for offset, value in enumerate(encoded, start)]


@dataclass(frozen=True)
class Store:
    """One database, as its services use it and as it really is."""

    engine: Engine
    url: str

    @property
    def commands(self) -> SqlCommandStore:
        return SqlCommandStore(self.engine)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def put(self, *campaigns: Campaign) -> None:
        """Stores campaigns without a command."""
        with write_transaction(self.engine) as connection:
            connection.execute(insert(ads), [row_of(one) for one in campaigns])
            connection.commit()

    def campaign(self, campaign_id: str = "c") -> Campaign:
        found = self.commands.campaign(campaign_id)
        assert found is not None
        return found

    def apply(self, batch: Sequence[Record], start: int | None = None) -> Counter[Outcome]:
        """Applies a batch as the ad manager does."""
        position = batch[0].offset if start is None else start
        self.commands.positions(COMMANDS, {0: 0})
        return retrying(lambda: apply_batch(self.commands, batch, position, NOW_US, RULES))

    def charge(self, *claims: Claim, clock: Callable[[], int] = lambda: NOW_US + 1) -> list[Verdict]:
        """Charges a batch as the feedback handler does."""
        return retrying(lambda: charge_batch(SqlChargeStore(self.engine), claims, clock, CHARGE_RULES))

    def rows(self, statement: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(statement))

    def assert_adds_up(self, campaign_id: str = "c") -> int:
        """Checks ledger and outbox against the campaign's row; returns how many charges there are."""
        row = self.campaign(campaign_id)
        wanted = ledger.c.campaign_id == campaign_id
        entries = self.rows(select(ledger).where(wanted).order_by(ledger.c.event_seq))
        sent = self.rows(select(outbox).filter_by(campaign_id=campaign_id).order_by(outbox.c.id))
        assert [entry.event_seq for entry in entries] == list(range(1, row.event_seq + 1))
        assert [(one.event_seq, one.value) for one in sent] == [(one.event_seq, one.event) for one in entries]
        assert sum(entry.charged_nanos for entry in entries) == row.spent_nanos <= row.highest_budget_nanos
        return len(entries)


def answered(verdicts: Sequence[Verdict]) -> list[Answer]:
    """Returns the verdicts, all of which must be answers."""
    assert all(isinstance(verdict, Answer) for verdict in verdicts), verdicts
    return [verdict for verdict in verdicts if isinstance(verdict, Answer)]


def exhausted(of: Campaign) -> bool:
    return of.status is Status.EXHAUSTED
