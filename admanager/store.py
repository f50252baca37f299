"""The ad manager's store in SQL: SQLite and MySQL-protocol servers."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from admanager.lifecycle import Outcome
from admanager.ports import CampaignFilter, CommandOutcome, CommandReport, RejectedMessage
from marketplace.campaign import Campaign, Status
from marketplace.ports import REJECTED_COMMANDS
from marketplace.runtime.store.accounts import belongs_to
from marketplace.runtime.store.outbox import shard_of
from marketplace.runtime.store.rows import campaign_of, insert_rows, row_of, stamp_changes, update_rows
from marketplace.runtime.store.schema import MAX_KEY_BYTES, ads, commands, outbox, positions, submitted_commands
from marketplace.runtime.store.transactions import reading, retrying, write_transaction


class SqlCommandUnit:
    """See `ports.CommandUnit`."""

    def __init__(self, connection: Connection, topic: str, partition: int) -> None:
        self._connection = connection
        self._position = {"topic": topic, "topic_partition": partition}
        self._changed: list[str] = []

    def lock_position(self) -> int:
        statement = select(positions.c.next_offset).filter_by(**self._position).with_for_update()
        return int(self._connection.execute(statement).scalar_one())

    def seen(self, command_ids: Collection[str]) -> set[str]:
        if not command_ids:
            return set()
        wanted = commands.c.command_id.in_(command_ids), commands.c.outcome != Outcome.REJECTED.value
        return set(self._connection.execute(select(commands.c.command_id).where(*wanted)).scalars())

    def lock_campaigns(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        statement = select(ads).where(ads.c.campaign_id.in_(sorted(campaign_ids))).order_by(ads.c.campaign_id)
        rows = self._connection.execute(statement.with_for_update())
        return {row.campaign_id: campaign_of(row) for row in rows}

    def insert(self, campaigns: Sequence[Campaign]) -> None:
        insert_rows(self._connection, ads, [row_of(campaign) for campaign in campaigns])
        self._changed += [campaign.campaign_id for campaign in campaigns]

    def update(self, campaigns: Sequence[Campaign]) -> None:
        update_rows(self._connection, ads, "campaign_id", [row_of(campaign) for campaign in campaigns])
        self._changed += [campaign.campaign_id for campaign in campaigns]

    def record(self, outcomes: Sequence[CommandOutcome], rejected: Sequence[RejectedMessage], applied_us: int) -> None:
        rows = [
            {
                **self._position,
                "topic_offset": outcome.offset,
                "command_id": outcome.command_id,
                "campaign_id": outcome.campaign_id,
                "action": outcome.action,
                "outcome": outcome.outcome.value,
                "reason": outcome.reason,
                "applied_us": applied_us,
            }
            for outcome in outcomes
        ]
        insert_rows(self._connection, commands, rows)
        insert_rows(self._connection, outbox, [_outbox_row(message) for message in rejected])

    def commit(self, next_offset: int) -> None:
        statement = update(positions).filter_by(**self._position).values(next_offset=next_offset)
        self._connection.execute(statement)
        stamp_changes(self._connection, self._changed)
        self._connection.commit()


class SqlRefillUnit:
    """See `ports.RefillUnit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_due(self, slot_no: int, now_us: int, after_id: str, limit: int) -> list[Campaign]:
        due = (
            ads.c.campaign_id > after_id,
            ads.c.status == Status.ACTIVE.value,
            ads.c.slot_no < slot_no,
            ads.c.end_us > now_us,
        )
        statement = select(ads).where(*due).order_by(ads.c.campaign_id).limit(limit).with_for_update()
        return [campaign_of(row) for row in self._connection.execute(statement)]

    def refill(self, campaigns: Sequence[Campaign], reopened: Iterable[str]) -> None:
        rows = [
            {
                "campaign_id": campaign.campaign_id,
                "slot_no": campaign.slot_no,
                "slot_budget_nanos": campaign.slot_budget_nanos,
            }
            for campaign in campaigns
        ]
        update_rows(self._connection, ads, "campaign_id", rows)
        stamp_changes(self._connection, reopened)
        self._connection.commit()


class SqlCommandStore:
    """See `ports.CommandStore`. With an account, its reads are `ports.CampaignReads` of that account."""

    def __init__(self, engine: Engine, account: str | None = None) -> None:
        self._engine = engine
        self._account = account

    def of_account(self, account: str) -> "SqlCommandStore":
        return SqlCommandStore(self._engine, account)

    def positions(self, topic: str, starts: Mapping[int, int]) -> dict[int, int]:
        return retrying(lambda: self._positions(topic, starts))

    def _positions(self, topic: str, starts: Mapping[int, int]) -> dict[int, int]:
        with write_transaction(self._engine) as connection:
            rows = connection.execute(
                select(positions.c.topic_partition, positions.c.next_offset).filter_by(topic=topic)
            )
            known = {row.topic_partition: row.next_offset for row in rows}
            fresh = [
                {"topic": topic, "topic_partition": partition, "next_offset": start}
                for partition, start in starts.items()
                if partition not in known
            ]
            try:
                if fresh:
                    connection.execute(insert(positions), fresh)
                    connection.commit()
            except IntegrityError:  # another member was first; what it stored counts
                connection.rollback()
                return self._positions(topic, starts)
        return {partition: known.get(partition, start) for partition, start in starts.items()}

    @contextmanager
    def applying(self, topic: str, partition: int) -> Iterator[SqlCommandUnit]:
        with write_transaction(self._engine) as connection:
            yield SqlCommandUnit(connection, topic, partition)

    @contextmanager
    def refilling(self) -> Iterator[SqlRefillUnit]:
        with write_transaction(self._engine) as connection:
            yield SqlRefillUnit(connection)

    def campaign(self, campaign_id: str) -> Campaign | None:
        statement = select(ads).filter_by(campaign_id=campaign_id).where(*self._own(ads.c.account))
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return campaign_of(row) if row else None

    def campaigns(self, wanted: CampaignFilter, after_id: str, limit: int) -> list[Campaign]:
        columns: dict[str, Any] = {
            "status": wanted.status.value if wanted.status else None,
            "category": wanted.category,
            "target_city": wanted.city,
            "target_device": wanted.device,
            "account": wanted.account,
        }
        chosen = {name: value for name, value in columns.items() if value is not None}
        statement = select(ads).filter_by(**chosen).where(ads.c.campaign_id > after_id, *self._own(ads.c.account))
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(ads.c.campaign_id).limit(limit))
            return [campaign_of(row) for row in rows]

    def command(self, command_id: str) -> CommandReport | None:
        handled = select(commands.c.campaign_id, commands.c.outcome, commands.c.reason).filter_by(command_id=command_id)
        submitted = select(submitted_commands.c.campaign_id).filter_by(command_id=command_id)
        with reading(self._engine) as connection:
            campaign_id = connection.execute(
                submitted.where(*self._own(submitted_commands.c.account))
            ).scalar_one_or_none()
            if campaign_id is None and self._account is not None:
                return None
            rows = connection.execute(handled.order_by(commands.c.applied_us, commands.c.topic_offset)).all()
            if rows:
                row = next((row for row in rows if row.outcome != Outcome.REJECTED.value), rows[0])
                return CommandReport(row.campaign_id or "", Outcome(row.outcome), row.reason)
        return None if campaign_id is None else CommandReport(campaign_id, None, "")

    def submitted_campaign(self, campaign_id: str) -> bool:
        statement = select(submitted_commands.c.command_id).filter_by(campaign_id=campaign_id, action="New Campaign")
        with reading(self._engine) as connection:
            own = statement.where(*self._own(submitted_commands.c.account))
            return connection.execute(own.limit(1)).first() is not None

    def submit(self, command_id: str, campaign_id: str, action: str, now_us: int, account: str = "") -> None:
        row = {
            "command_id": command_id,
            "campaign_id": campaign_id,
            "action": action,
            "submitted_us": now_us,
            "account": account,
        }
        retrying(lambda: self._submit(row))

    def _submit(self, row: Mapping[str, Any]) -> None:
        with write_transaction(self._engine) as connection:
            try:
                connection.execute(insert(submitted_commands), row)
                connection.commit()
            except IntegrityError:
                connection.rollback()

    def _own(self, column: Column[str]) -> list[ColumnElement[bool]]:
        return [] if self._account is None else belongs_to(self._engine, column, self._account)


def _outbox_row(message: RejectedMessage) -> dict[str, Any]:
    campaign_id = message.campaign_id or ""
    return {
        "shard": shard_of(campaign_id),
        "topic": REJECTED_COMMANDS,
        "message_key": message.key if len(message.key or b"") <= MAX_KEY_BYTES else None,
        "value": message.value,
        "campaign_id": campaign_id,
        "event_seq": 0,
    }
