"""The ad manager's store in memory. See `admanager.ports`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from memory_charges import insert_outbox, stamp_changes
from memory_database import Database, Transaction, lost
from sqlalchemy.exc import IntegrityError

from admanager.commands import Verb
from admanager.lifecycle import Outcome
from admanager.ports import CampaignFilter, CommandOutcome, CommandReport, RejectedMessage
from marketplace.campaign import Campaign, Status
from marketplace.ports import REJECTED_COMMANDS
from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.transactions import retrying

T = TypeVar("T")


class MemoryCommandUnit:
    """See `ports.CommandUnit`."""

    def __init__(self, transaction: Transaction, topic: str, partition: int) -> None:
        self.transaction = transaction
        self._place = (topic, partition)
        self._changed: list[str] = []

    def lock_position(self) -> int:
        self.transaction.statement("lock position")
        self.transaction.lock("positions", self._place)
        return int(self.transaction.get("positions", self._place))

    def seen(self, command_ids: Collection[str]) -> set[str]:
        self.transaction.statement("read command ids")
        rows = self.transaction.database.table("commands").values()
        return {row.command_id for row in rows if row.command_id in command_ids and row.outcome is not Outcome.REJECTED}

    def lock_campaigns(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        self.transaction.statement("lock campaigns")
        campaigns = {}
        for campaign_id in sorted(campaign_ids):
            if self.transaction.exists("ads", campaign_id):
                self.transaction.lock("ads", campaign_id)
                if campaign := self.transaction.get("ads", campaign_id):
                    campaigns[campaign_id] = campaign
        return campaigns

    def insert(self, campaigns: Sequence[Campaign]) -> None:
        if campaigns:
            self.transaction.statement("insert campaigns")
        for campaign in campaigns:
            self.transaction.insert("ads", campaign.campaign_id, campaign)
        self._changed += [campaign.campaign_id for campaign in campaigns]

    def update(self, campaigns: Sequence[Campaign]) -> None:
        if campaigns:
            self.transaction.statement("update campaigns")
        for campaign in campaigns:
            self.transaction.put("ads", campaign.campaign_id, campaign)
        self._changed += [campaign.campaign_id for campaign in campaigns]

    def record(self, outcomes: Sequence[CommandOutcome], rejected: Sequence[RejectedMessage], applied_us: int) -> None:
        self.transaction.statement("insert outcomes")
        for outcome in outcomes:
            self.transaction.insert("commands", (*self._place, outcome.offset), outcome)
        for message in rejected:
            insert_outbox(
                self.transaction, REJECTED_COMMANDS, message.key, message.value, (message.campaign_id or "", 0)
            )

    def commit(self, next_offset: int) -> None:
        self.transaction.put("positions", self._place, next_offset)
        stamp_changes(self.transaction, self._changed)
        self.transaction.commit()


class MemoryRefillUnit:
    """See `ports.RefillUnit`."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    def lock_due(self, slot_no: int, now_us: int, after_id: str, limit: int) -> list[Campaign]:
        self.transaction.statement("lock due")
        due: list[Campaign] = []
        for campaign_id in sorted(self.transaction.database.table("ads")):
            if campaign_id > after_id and len(due) < limit and _is_due(self._row(campaign_id), slot_no, now_us):
                self.transaction.lock("ads", campaign_id)
                if _is_due(self._row(campaign_id), slot_no, now_us):  # as it is now that nobody else holds it
                    due.append(self._row(campaign_id))
        return due

    def refill(self, campaigns: Sequence[Campaign], reopened: Iterable[str]) -> None:
        self.transaction.statement("refill")
        for new in campaigns:
            filled = replace(self._row(new.campaign_id), slot_no=new.slot_no, slot_budget_nanos=new.slot_budget_nanos)
            self.transaction.put("ads", new.campaign_id, filled)
        stamp_changes(self.transaction, list(reopened))
        self.transaction.commit()

    def _row(self, campaign_id: str) -> Campaign:
        found = self.transaction.get("ads", campaign_id)
        assert isinstance(found, Campaign)
        return found


def _is_due(campaign: Campaign, slot_no: int, now_us: int) -> bool:
    return campaign.status is Status.ACTIVE and campaign.slot_no < slot_no and campaign.window.end_us > now_us


class MemoryCommandStore:
    """See `ports.CommandStore`. With an account, its reads are `ports.CampaignReads` of that account."""

    def __init__(self, database: Database, account: str | None = None) -> None:
        self._database = database
        self._account = account

    def of_account(self, account: str) -> "MemoryCommandStore":
        return MemoryCommandStore(self._database, account)

    def positions(self, topic: str, starts: Mapping[int, int]) -> dict[int, int]:
        return retrying(lambda: self._positions(topic, starts))

    def _positions(self, topic: str, starts: Mapping[int, int]) -> dict[int, int]:
        with self._database.transaction() as transaction:
            transaction.statement("read positions")
            known = {partition: transaction.get("positions", (topic, partition)) for partition in starts}
            fresh = [partition for partition, position in known.items() if position is None]
            try:
                for partition in fresh:
                    transaction.insert("positions", (topic, partition), starts[partition])
                if fresh:
                    transaction.commit()
            except IntegrityError:
                transaction.undo()
                return self._positions(topic, starts)
        return {partition: starts[partition] if position is None else position for partition, position in known.items()}

    @contextmanager
    def applying(self, topic: str, partition: int) -> Iterator[MemoryCommandUnit]:
        with self._database.transaction() as transaction:
            yield MemoryCommandUnit(transaction, topic, partition)

    @contextmanager
    def refilling(self) -> Iterator[MemoryRefillUnit]:
        with self._database.transaction() as transaction:
            yield MemoryRefillUnit(transaction)

    def campaign(self, campaign_id: str) -> Campaign | None:
        return self._read("read campaign", lambda: self._own_campaigns().get(campaign_id))

    def campaigns(self, wanted: CampaignFilter, after_id: str, limit: int) -> list[Campaign]:
        rows = self._read("list campaigns", self._own_campaigns)
        return [rows[campaign_id] for campaign_id in sorted(rows) if campaign_id > after_id][:limit]

    def command(self, command_id: str) -> CommandReport | None:
        return self._read("read command", lambda: self._command(command_id))

    def submitted_campaign(self, campaign_id: str) -> bool:
        rows = self._read("read submitted", self._own_submitted)
        return any((row.campaign_id, row.action) == (campaign_id, Verb.NEW.value) for row in rows.values())

    def submit(self, command_id: str, campaign_id: str, action: str, now_us: int, account: str = "") -> None:
        retrying(lambda: self._submit(command_id, Submission(campaign_id, action, account)))

    def _submit(self, command_id: str, submission: "Submission") -> None:
        with self._database.transaction() as transaction:
            transaction.statement("insert submitted")
            try:
                transaction.insert("submitted", command_id, submission)
                transaction.commit()
            except IntegrityError:
                transaction.undo()

    def _command(self, command_id: str) -> CommandReport | None:
        submitted = self._own_submitted().get(command_id)
        if submitted is None and self._account is not None:
            return None
        rows = [row for row in self._database.table("commands").values() if row.command_id == command_id]
        if rows:
            row = next((row for row in rows if row.outcome is not Outcome.REJECTED), rows[0])
            return CommandReport(row.campaign_id or "", row.outcome, row.reason)
        return CommandReport(submitted.campaign_id, None, "") if submitted else None

    def _own_campaigns(self) -> dict[str, Campaign]:
        return self._own("ads")

    def _own_submitted(self) -> dict[str, "Submission"]:
        return self._own("submitted")

    def _own(self, table: str) -> dict[str, Any]:
        rows = self._database.table(table)
        return {key: row for key, row in rows.items() if self._account in (None, row.account)}

    def _read(self, what: str, read: Callable[[], T]) -> T:
        return self._database.world.call(what, read, lambda: unavailable(lost()))


class Submission(NamedTuple):
    """That a command was submitted, on behalf of an account."""

    campaign_id: str
    action: str
    account: str
