"""The outbox: messages that committed with their cause and are not on their topic yet.

Rows of one campaign share a shard, and so one sender at a time and one order.
"""

import fcntl
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.literals import run_with_list
from marketplace.runtime.store.schema import outbox_shards
from marketplace.runtime.store.transactions import write_transaction

# The migration creates a row in `outbox_shards` for each. It is no setting, so that no two processes can disagree.
SHARDS: Final = 8

_OLDEST: Final = """
SELECT id, topic, message_key, value, campaign_id, event_seq FROM outbox WHERE shard IN {} ORDER BY id"""


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


class OwnedShards(Protocol):
    """The shards that the caller owns for the moment; none where others own them all."""

    @property
    def shards(self) -> Sequence[int]:
        """Returns their numbers."""

    def rows(self, limit: int) -> list[OutboxRow]:
        """Returns their oldest rows, those of one campaign in the order of event_seq."""

    def delete(self, ids: Sequence[int]) -> None:
        """Removes rows that the topic has acknowledged, durably."""


class Outbox:
    """The outbox in SQL. Shards are owned by their rows' locks; on SQLite, whose one lock is for all, by a file's.

    Ownership may be lost without notice (a paused process, a broken connection). That is safe: the new owner starts
    from the same oldest row, so each sender's sequence is gapless from a row that is not archived yet, and the writer
    drops what it has seen.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def own(self, limit: int = SHARDS) -> Iterator[OwnedShards]:
        """Owns up to `limit` of the shards that nobody else owns, while the context lasts. Raises Unavailable."""
        own = self._own_file if self._engine.dialect.name == "sqlite" else self._own_rows
        try:
            with own(limit) as owned:
                yield owned
        except SQLAlchemyError as problem:
            raise unavailable(problem) from problem

    @contextmanager
    def _own_rows(self, limit: int) -> Iterator[OwnedShards]:
        statement = select(outbox_shards.c.shard).limit(limit).with_for_update(skip_locked=True)
        with write_transaction(self._engine) as connection:
            yield _Shards(connection, connection.execute(statement).scalars().all())

    @contextmanager
    def _own_file(self, _: int) -> Iterator[OwnedShards]:
        assert self._engine.url.database
        with Path(f"{self._engine.url.database}-outbox.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield _SqliteShards(self._engine, ())
                return
            yield _SqliteShards(self._engine, range(SHARDS))


class _Shards:
    """Shards under their rows' locks. Deleting ends the transaction, and with it the ownership."""

    def __init__(self, connection: Connection, shards: Sequence[int]) -> None:
        self._connection = connection
        self.shards = shards

    def rows(self, limit: int) -> list[OutboxRow]:
        # Rows of one campaign get their ids under its lock, so their ids are in the order of event_seq.
        if not self.shards:
            return []
        found = run_with_list(self._connection, f"{_OLDEST} LIMIT {limit:d}", self.shards)
        return list(starmap(OutboxRow, found))

    def delete(self, ids: Sequence[int]) -> None:
        run_with_list(self._connection, "DELETE FROM outbox WHERE id IN {}", ids)
        self._connection.commit()


class _SqliteShards:
    """All shards on SQLite: no transaction stays open while their rows travel to the topic."""

    def __init__(self, engine: Engine, shards: Sequence[int]) -> None:
        self._engine = engine
        self.shards = shards

    def rows(self, limit: int) -> list[OutboxRow]:
        with self._engine.connect() as connection:
            return _Shards(connection, self.shards).rows(limit)

    def delete(self, ids: Sequence[int]) -> None:
        with write_transaction(self._engine) as connection:
            _Shards(connection, self.shards).delete(ids)
