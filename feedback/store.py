"""The feedback handler's store in SQL: SQLite and MySQL-protocol servers."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine

from feedback.charging import Account, Charge, Entry
from marketplace.campaign import Status, Window
from marketplace.feedback import Action
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.literals import run_with_list, takes_parameters
from marketplace.runtime.store.outbox import shard_of
from marketplace.runtime.store.ping import ping
from marketplace.runtime.store.rows import insert_rows, stamp_changes, update_rows
from marketplace.runtime.store.schema import ads, ledger, outbox
from marketplace.runtime.store.transactions import write_transaction
from marketplace.wire import encode_charged

_ACCOUNTS: Final = (
    "SELECT ads.campaign_id, status, start_us, end_us, budget_nanos, spent_nanos, slot_no, slot_budget_nanos, event_seq"
    " FROM ads WHERE campaign_id IN {} ORDER BY campaign_id"
)
_ENTRIES: Final = (
    "SELECT request_id, action, price_nanos, charged_nanos, uncharged_nanos FROM ledger WHERE request_id IN {}"
)


class SqlChargeUnit:
    """See `ports.ChargeUnit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._flipped: Collection[str] = ()

    def lock_accounts(self, campaign_ids: Collection[str]) -> dict[str, Account]:
        lock = "" if takes_parameters(self._connection) else " FOR UPDATE"  # SQLite's one lock is held already
        rows = run_with_list(self._connection, _ACCOUNTS + lock, sorted(campaign_ids))
        return {account.campaign_id: account for account in map(_account_of, rows)}

    def histories(self, request_ids: Collection[str]) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        rows: Iterable[Any] = run_with_list(self._connection, _ENTRIES, request_ids)
        for request_id, action, price, charged, uncharged in rows:
            found.setdefault(request_id, []).append(Entry(Action(action), price, charged, uncharged))
        return found

    def record(self, charges: Sequence[Charge]) -> None:
        ledger_rows, outbox_rows = [], []
        for charge in charges:
            campaign_id, event = charge.account.campaign_id, encode_charged(charge.event, charge.terms.served_ad)
            ledger_rows.append(
                {
                    "request_id": charge.terms.request_id,
                    "action": int(charge.entry.action),
                    "campaign_id": campaign_id,
                    "event_seq": charge.event.event_seq,
                    "price_nanos": charge.entry.price_nanos,
                    "charged_nanos": charge.entry.charged_nanos,
                    "uncharged_nanos": charge.entry.uncharged_nanos,
                    "charged_at_us": charge.event.charged_at_us,
                    "event": event,
                }
            )
            outbox_rows.append(
                {
                    "shard": shard_of(campaign_id),
                    "topic": USER_FEEDBACK,
                    "message_key": campaign_id.encode(),
                    "value": event,
                    "campaign_id": campaign_id,
                    "event_seq": charge.event.event_seq,
                }
            )
        insert_rows(self._connection, ledger, ledger_rows)
        insert_rows(self._connection, outbox, outbox_rows)

    def save(self, accounts: Sequence[Account], flipped: Collection[str]) -> None:
        rows = [
            {
                "campaign_id": account.campaign_id,
                "status": account.status.value,
                "spent_nanos": account.spent_nanos,
                "slot_no": account.slot_no,
                "slot_budget_nanos": account.slot_budget_nanos,
                "event_seq": account.event_seq,
            }
            for account in accounts
        ]
        update_rows(self._connection, ads, "campaign_id", rows)
        self._flipped = flipped

    def commit(self) -> None:
        stamp_changes(self._connection, self._flipped)
        self._connection.commit()


class SqlChargeStore:
    """See `ports.ChargeStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def charging(self) -> Iterator[SqlChargeUnit]:
        with write_transaction(self._engine) as connection:
            yield SqlChargeUnit(connection)

    def ping(self) -> None:
        ping(self._engine)


def _account_of(row: Any) -> Account:
    campaign_id, status, start_us, end_us, budget_nanos, spent_nanos, slot_no, slot_budget_nanos, event_seq = row
    return Account(
        campaign_id=campaign_id,
        status=Status(status),
        window=Window(start_us, end_us),
        budget_nanos=budget_nanos,
        spent_nanos=spent_nanos,
        slot_no=slot_no,
        slot_budget_nanos=slot_budget_nanos,
        event_seq=event_seq,
    )
