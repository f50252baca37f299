"""What the feedback handler asks of the store."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from feedback.charging import Account, Charge, Entry


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way to a topic."""

    id: int
    topic: str
    key: bytes | None
    value: bytes
    campaign_id: str
    event_seq: int


class ChargeUnit(Protocol):
    """One charging transaction. Nothing of it is there before `commit`, all of it after."""

    def lock_accounts(self, campaign_ids: Collection[str]) -> dict[str, Account]:
        """Locks the campaigns that exist, in the order of their ids, and reads them under the lock."""

    def histories(self, request_ids: Collection[str]) -> dict[str, list[Entry]]:
        """Reads the ledger's entries of these serves. Only after `lock_accounts`: then nobody else can add to them."""

    def record(self, charges: Sequence[Charge]) -> None:
        """Adds ledger and outbox rows. The ledger's key (request_id, action) refuses what would bill twice."""

    def save(self, accounts: Sequence[Account], flipped: Collection[str]) -> None:
        """Stores the accounts; `flipped` are those that begin or cease to be eligible: the change feed tells them."""

    def commit(self) -> None:
        """Gives what flipped the next change_no and commits."""


class ChargeStore(Protocol):
    """Opens charging transactions."""

    def charging(self) -> AbstractContextManager[ChargeUnit]:
        """Opens a transaction; leaving it without a commit undoes it."""

    def ping(self) -> None:
        """Returns if the store answers, raises Unavailable otherwise."""


class OutboxShard(Protocol):
    """A shard of the outbox, owned."""

    def rows(self, limit: int) -> list[OutboxRow]:
        """Returns the oldest rows, those of one campaign in the order of event_seq."""

    def delete(self, ids: Sequence[int]) -> None:
        """Removes rows that the topic has acknowledged, durably."""


class Outbox(Protocol):
    """The messages that committed with their cause and are not on the topic yet."""

    @property
    def shards(self) -> int:
        """Returns how many shards there are."""

    def own(self, shard: int) -> AbstractContextManager[OutboxShard | None]:
        """Owns a shard while the context lasts; None where another relay does.

        Ownership may be lost without notice (a paused process, a broken connection). That is safe: the new owner starts
        from the same oldest row, so each sender's sequence is gapless from a row that is not archived yet, and the
        writer drops what it has seen.
        """
