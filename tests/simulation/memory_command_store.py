"""The ad manager's store in memory. See `admanager.ports`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from memory_commands import MemoryCommandUnit, MemoryRefillUnit
from memory_database import Database, lost
from sqlalchemy.exc import IntegrityError

from admanager.commands import Verb
from admanager.lifecycle import Outcome
from admanager.ports import CampaignFilter, CommandReport
from marketplace.campaign import Campaign
from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.transactions import retrying

T = TypeVar("T")


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
