"""The feedback handler's store in memory. See `feedback.ports`."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from memory_database import Database, Transaction

from feedback.charging import Account, Charge, Entry
from marketplace.campaign import Campaign
from marketplace.feedback import Action
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.outbox import OutboxRow
from marketplace.wire import encode_charged


class LedgerRow(NamedTuple):
    """A row of the ledger."""

    request_id: str
    action: Action
    campaign_id: str
    event_seq: int
    entry: Entry
    charged_at_us: int
    event: bytes


def insert_outbox(transaction: Transaction, topic: str, key: bytes | None, value: bytes, of: tuple[str, int]) -> None:
    """Inserts a row of the outbox; `of` is its campaign and event_seq. Its id is taken now, not at the commit."""
    number = transaction.database.next_number("outbox")
    transaction.insert("outbox", number, OutboxRow(number, topic, key, value, *of))


def stamp_changes(transaction: Transaction, campaign_ids: Collection[str]) -> None:
    """Gives the campaigns the next change_no; the counter stays locked until the commit."""
    if not campaign_ids:
        return
    transaction.statement("stamp changes")
    transaction.lock("counters", "ads")
    number = (transaction.get("counters", "ads") or 0) + 1
    transaction.put("counters", "ads", number)
    for campaign_id in sorted(campaign_ids):
        transaction.put("ads", campaign_id, replace(transaction.get("ads", campaign_id), change_no=number))


class MemoryChargeUnit:
    """See `ports.ChargeUnit`."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._flipped: Collection[str] = ()

    def lock_accounts(self, campaign_ids: Collection[str]) -> dict[str, Account]:
        self.transaction.statement("lock accounts")
        accounts = {}
        for campaign_id in sorted(campaign_ids):
            if self.transaction.exists("ads", campaign_id):
                self.transaction.lock("ads", campaign_id)
                if campaign := self.transaction.get("ads", campaign_id):
                    accounts[campaign_id] = account_of(campaign)
        return accounts

    def histories(self, request_ids: Collection[str]) -> dict[str, list[Entry]]:
        self.transaction.statement("read histories")
        found: dict[str, list[Entry]] = {}
        for row in self.transaction.database.table("ledger").values():
            if row.request_id in request_ids:
                found.setdefault(row.request_id, []).append(row.entry)
        return found

    def record(self, charges: Sequence[Charge]) -> None:
        self.transaction.statement("insert ledger")
        for charge in charges:
            event, entry = charge.event, charge.entry
            campaign_id, request_id = charge.account.campaign_id, charge.terms.request_id
            written = encode_charged(event, charge.terms.served_ad)
            self.insert_ledger(
                LedgerRow(request_id, entry.action, campaign_id, event.event_seq, entry, event.charged_at_us, written)
            )
        self.transaction.statement("insert outbox")
        for charge in charges:
            campaign_id, seq = charge.account.campaign_id, charge.event.event_seq
            written = encode_charged(charge.event, charge.terms.served_ad)
            insert_outbox(self.transaction, USER_FEEDBACK, campaign_id.encode(), written, (campaign_id, seq))

    def insert_ledger(self, row: LedgerRow) -> None:
        """Inserts a row under both keys of the ledger."""
        self.transaction.insert("ledger", (row.request_id, row.action), row)
        self.transaction.insert("ledger by seq", (row.campaign_id, row.event_seq), row.request_id)

    def save(self, accounts: Sequence[Account], flipped: Collection[str]) -> None:
        self.transaction.statement("update accounts")
        for account in accounts:
            campaign = self.transaction.get("ads", account.campaign_id)
            changed = replace(
                campaign,
                status=account.status,
                spent_nanos=account.spent_nanos,
                slot_no=account.slot_no,
                slot_budget_nanos=account.slot_budget_nanos,
                event_seq=account.event_seq,
            )
            self.transaction.put("ads", account.campaign_id, changed)
        self._flipped = flipped

    def commit(self) -> None:
        stamp_changes(self.transaction, self._flipped)
        self.transaction.commit()


class MemoryChargeStore:
    """See `ports.ChargeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def charging(self) -> Iterator[MemoryChargeUnit]:
        with self._database.transaction() as transaction:
            yield MemoryChargeUnit(transaction)

    def ping(self) -> None:
        self._database.world.scheduler.step("ping")


def account_of(campaign: Campaign) -> Account:
    """Returns the part of a campaign that a charge needs."""
    return Account(
        campaign_id=campaign.campaign_id,
        status=campaign.status,
        window=campaign.window,
        budget_nanos=campaign.budget_nanos,
        spent_nanos=campaign.spent_nanos,
        slot_no=campaign.slot_no,
        slot_budget_nanos=campaign.slot_budget_nanos,
        event_seq=campaign.event_seq,
    )
