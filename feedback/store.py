"""The feedback handler's store in SQL: SQLite and MySQL-protocol servers."""

import fcntl
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from feedback.charging import Account, Charge, Entry
from feedback.ports import OutboxRow, OutboxShard
from marketplace.campaign import Status, Window
from marketplace.feedback import Action
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.outbox import SHARDS, shard_of
from marketplace.runtime.store.rows import stamp_changes, update_rows
from marketplace.runtime.store.schema import ads, ledger, outbox, outbox_shards
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
        self._connection.execute(insert(ledger), ledger_rows)
        self._connection.execute(insert(outbox), outbox_rows)

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


class SqlOutboxShard:
    """See `ports.OutboxShard`."""

    def __init__(self, connection: Connection, shard: int) -> None:
        self._connection = connection
        self._shard = shard

    def rows(self, limit: int) -> list[OutboxRow]:
        # Rows of one campaign get their ids under its lock, so their ids are in the order of event_seq.
        statement = select(outbox).filter_by(shard=self._shard).order_by(outbox.c.id).limit(limit)
        rows = self._connection.execute(statement)
        return [
            OutboxRow(row.id, row.topic, row.message_key, row.value, row.campaign_id, row.event_seq) for row in rows
        ]

    def delete(self, ids: Sequence[int]) -> None:
        self._connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))
        self._connection.commit()


class SqlOutbox:
    """See `ports.Outbox`. A shard is owned by its row's lock; on SQLite, whose one lock is for all, by a file's."""

    shards = SHARDS

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def own(self, shard: int) -> Iterator[OutboxShard | None]:
        try:
            own: Callable[[int], AbstractContextManager[OutboxShard | None]]
            own = self._own_file if self._engine.dialect.name == "sqlite" else self._own_row
            with own(shard) as owned:
                yield owned
        except SQLAlchemyError as problem:
            raise unavailable(problem) from problem

    @contextmanager
    def _own_row(self, shard: int) -> Iterator[SqlOutboxShard | None]:
        statement = select(outbox_shards.c.shard).filter_by(shard=shard).with_for_update(skip_locked=True)
        with write_transaction(self._engine) as connection:
            owned = connection.execute(statement).first() is not None
            yield SqlOutboxShard(connection, shard) if owned else None

    @contextmanager
    def _own_file(self, shard: int) -> Iterator[OutboxShard | None]:
        assert self._engine.url.database
        path = Path(f"{self._engine.url.database}-outbox-{shard}.lock")
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield _SqliteOutboxShard(self._engine, shard)


class _SqliteOutboxShard:
    """A shard on SQLite: no transaction stays open while its rows travel to the topic."""

    def __init__(self, engine: Engine, shard: int) -> None:
        self._engine = engine
        self._shard = shard

    def rows(self, limit: int) -> list[OutboxRow]:
        with self._engine.connect() as connection:
            return SqlOutboxShard(connection, self._shard).rows(limit)

    def delete(self, ids: Sequence[int]) -> None:
        with write_transaction(self._engine) as connection:
            SqlOutboxShard(connection, self._shard).delete(ids)


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
