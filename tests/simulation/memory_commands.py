"""The ad manager's transactions in memory. See `admanager.ports`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from memory_charges import insert_outbox, stamp_changes
from memory_database import Transaction

from admanager.lifecycle import Outcome
from admanager.ports import CommandOutcome, RejectedMessage
from marketplace.campaign import Campaign, Status
from marketplace.ports import REJECTED_COMMANDS


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
