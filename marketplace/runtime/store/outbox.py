"""The outbox: messages that committed with their cause and are not on their topic yet.

Rows of one campaign share a shard, and so one sender and one order.
"""

import fcntl
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.exc import SQLAlchemyError

from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.schema import outbox, outbox_shards
from marketplace.runtime.store.transactions import write_transaction

# The migration creates a row in `outbox_shards` for each. It is no setting, so that no two processes can disagree.
SHARDS: Final = 8


def shard_of(campaign_id: str) -> int:
    """Returns the shard of a campaign's outbox rows."""
    return zlib.crc32(campaign_id.encode()) % SHARDS


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way to a topic."""

    id: int
    topic: str
    key: bytes | None
    value: bytes
    campaign_id: str
    event_seq: int


class OutboxShard(Protocol):
    """A shard of the outbox, owned."""

    def rows(self, limit: int) -> list[OutboxRow]:
        """Returns the oldest rows, those of one campaign in the order of event_seq."""

    def delete(self, ids: Sequence[int]) -> None:
        """Removes rows that the topic has acknowledged, durably."""


class Outbox:
    """The outbox in SQL. A shard is owned by its row's lock; on SQLite, whose one lock is for all, by a file's.

    Ownership may be lost without notice (a paused process, a broken connection). That is safe: the new owner starts
    from the same oldest row, so each sender's sequence is gapless from a row that is not archived yet, and the writer
    drops what it has seen.
    """

    shards = SHARDS

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def own(self, shard: int) -> Iterator[OutboxShard | None]:
        """Owns a shard while the context lasts; None where another process does. Raises Unavailable."""
        own: Callable[[int], AbstractContextManager[OutboxShard | None]]
        own = self._own_file if self._engine.dialect.name == "sqlite" else self._own_row
        try:
            with own(shard) as owned:
                yield owned
        except SQLAlchemyError as problem:
            raise unavailable(problem) from problem

    @contextmanager
    def _own_row(self, shard: int) -> Iterator[OutboxShard | None]:
        statement = select(outbox_shards.c.shard).filter_by(shard=shard).with_for_update(skip_locked=True)
        with write_transaction(self._engine) as connection:
            owned = connection.execute(statement).first() is not None
            yield _Shard(connection, shard) if owned else None

    @contextmanager
    def _own_file(self, shard: int) -> Iterator[OutboxShard | None]:
        assert self._engine.url.database
        with Path(f"{self._engine.url.database}-outbox-{shard}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield _SqliteShard(self._engine, shard)


class _Shard:
    """A shard under its row's lock. Deleting ends the transaction, and with it the ownership."""

    def __init__(self, connection: Connection, shard: int) -> None:
        self._connection = connection
        self._shard = shard

    def rows(self, limit: int) -> list[OutboxRow]:
        # Rows of one campaign get their ids under its lock, so their ids are in the order of event_seq.
        statement = select(outbox).filter_by(shard=self._shard).order_by(outbox.c.id).limit(limit)
        return [
            OutboxRow(row.id, row.topic, row.message_key, row.value, row.campaign_id, row.event_seq)
            for row in self._connection.execute(statement)
        ]

    def delete(self, ids: Sequence[int]) -> None:
        self._connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))
        self._connection.commit()


class _SqliteShard:
    """A shard on SQLite: no transaction stays open while its rows travel to the topic."""

    def __init__(self, engine: Engine, shard: int) -> None:
        self._engine = engine
        self._shard = shard

    def rows(self, limit: int) -> list[OutboxRow]:
        with self._engine.connect() as connection:
            return _Shard(connection, self._shard).rows(limit)

    def delete(self, ids: Sequence[int]) -> None:
        with write_transaction(self._engine) as connection:
            _Shard(connection, self._shard).delete(ids)
