"""The feedback handler's store in SQL: SQLite and MySQL-protocol servers."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, text

from feedback.charging import Account, Charge, Entry
from marketplace.campaign import Status, Window
from marketplace.feedback import Action
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.outbox import shard_of
from marketplace.runtime.store.rows import insert_rows, stamp_changes, update_rows
from marketplace.runtime.store.schema import ads, ledger, outbox
from marketplace.runtime.store.transactions import reading, write_transaction
from marketplace.wire import encode_event

_ACCOUNT: Final = (
    ads.c.campaign_id,
    ads.c.status,
    ads.c.start_us,
    ads.c.end_us,
    ads.c.budget_nanos,
    ads.c.spent_nanos,
    ads.c.slot_no,
    ads.c.slot_budget_nanos,
    ads.c.event_seq,
)
_ENTRY: Final = (
    ledger.c.request_id,
    ledger.c.action,
    ledger.c.price_nanos,
    ledger.c.charged_nanos,
    ledger.c.uncharged_nanos,
)


class SqlChargeUnit:
    """See `ports.ChargeUnit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._flipped: Collection[str] = ()

    def lock_accounts(self, campaign_ids: Collection[str]) -> dict[str, Account]:
        statement = select(*_ACCOUNT).where(ads.c.campaign_id.in_(sorted(campaign_ids))).order_by(ads.c.campaign_id)
        return {row.campaign_id: _account_of(row) for row in self._connection.execute(statement.with_for_update())}

    def histories(self, request_ids: Collection[str]) -> dict[str, list[Entry]]:
        statement = select(*_ENTRY).where(ledger.c.request_id.in_(sorted(request_ids)))
        found: dict[str, list[Entry]] = {}
        for request_id, action, price, charged, uncharged in self._connection.execute(statement):
            found.setdefault(request_id, []).append(Entry(Action(action), price, charged, uncharged))
        return found

    def record(self, charges: Sequence[Charge]) -> None:
        ledger_rows, outbox_rows = [], []
        for charge in charges:
            campaign_id, event = charge.account.campaign_id, encode_event(charge.event)
            ledger_rows.append(
                {
                    "request_id": charge.event.serve.request_id,
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
        with reading(self._engine) as connection:
            connection.execute(text("SELECT 1"))


def _account_of(row: Any) -> Account:
    return Account(
        campaign_id=row.campaign_id,
        status=Status(row.status),
        window=Window(row.start_us, row.end_us),
        budget_nanos=row.budget_nanos,
        spent_nanos=row.spent_nanos,
        slot_no=row.slot_no,
        slot_budget_nanos=row.slot_budget_nanos,
        event_seq=row.event_seq,
    )
