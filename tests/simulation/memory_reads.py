"""The change feed, the users and the outbox in memory. See `adserver.ports` and `marketplace.runtime.store.outbox`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from memory_database import Database, Transaction, lost
from sqlalchemy.exc import SQLAlchemyError

from adserver.columns import AdColumns
from adserver.ports import Cursor
from marketplace.campaign import Campaign
from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.outbox import SHARDS, OutboxRow, OwnedShards, shard_of


class MemoryFeed:
    """See `ports.CampaignFeed`. `read_to` is the change_no behind which it has said that there is nothing more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read_to = -1

    def newest(self) -> Cursor:
        number = self._database.world.call(
            "read counter", lambda: self._database.table("counters").get("ads", 0), lambda: unavailable(lost())
        )
        return Cursor.past(number)

    def live(self, now_us: int) -> AdColumns:
        return AdColumns.of(self._rows("read live"), now_us)

    def changes(self, after: Cursor, limit: int) -> list[Campaign]:
        seen = (after.change_no, after.campaign_id)
        later = [row for row in self._rows("read changes") if (row.change_no, row.campaign_id) > seen]
        self.read_to = -1 if later else self._database.table("counters").get("ads", 0)
        return sorted(later, key=lambda row: (row.change_no, row.campaign_id))[:limit]

    def _rows(self, what: str) -> list[Campaign]:
        rows = self._database.table("ads")
        return self._database.world.call(what, lambda: list(rows.values()), lambda: unavailable(lost()))


class NoProfiles:
    """See `ports.ProfileSource`: nobody is known."""

    def version(self) -> int:
        return 0

    def profiles(self) -> Iterable[tuple[str, int, str, str]]:
        return ()


class MemoryOutbox:
    """See `marketplace.runtime.store.outbox.Outbox`: shards owned by their rows' locks, or all by a file's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def own(self, limit: int = SHARDS) -> Iterator[OwnedShards]:
        own = self._own_file if self._database.coarse else self._own_rows
        try:
            with own(limit) as owned:
                yield owned
        except SQLAlchemyError as problem:
            raise unavailable(problem) from problem

    @contextmanager
    def _own_rows(self, limit: int) -> Iterator["MemoryShards"]:
        with self._database.transaction() as transaction:
            transaction.statement("own shards")
            free = [shard for shard in range(SHARDS) if transaction.try_lock("shards", shard)]
            yield MemoryShards(self._database, free[:limit], transaction)

    @contextmanager
    def _own_file(self, limit: int) -> Iterator["MemoryShards"]:
        self._database.world.scheduler.step("lock file")
        if self._database.file_owner is not None:
            yield MemoryShards(self._database, (), None)
            return
        self._database.file_owner = self._database.world.scheduler.current
        try:
            yield MemoryShards(self._database, range(SHARDS), None)
        finally:
            if not self._database.world.unwinding:
                self._database.file_owner = None


class MemoryShards:
    """Shards under a transaction's locks, or under a file's: then no transaction is open while rows travel."""

    def __init__(self, database: Database, shards: Sequence[int], transaction: Transaction | None) -> None:
        self.shards = shards
        self._database = database
        self._transaction = transaction

    def rows(self, limit: int) -> list[OutboxRow]:
        if self._transaction:
            self._transaction.statement("read outbox")
        else:
            self._database.world.scheduler.step("read outbox")
        rows = [row for _, row in sorted(self._database.table("outbox").items())]
        return [row for row in rows if shard_of(row.campaign_id) in self.shards][:limit]

    def delete(self, ids: Sequence[int]) -> None:
        if self._transaction:
            self._delete(self._transaction, ids)
            return
        with self._database.transaction() as transaction:
            self._delete(transaction, ids)

    def _delete(self, transaction: Transaction, ids: Sequence[int]) -> None:
        transaction.statement("delete from outbox")
        for number in ids:
            transaction.put("outbox", number, None)
        transaction.commit()
