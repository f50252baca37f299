"""What the feedback handler asks of the store."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from feedback.charging import Account, Charge, Entry


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
