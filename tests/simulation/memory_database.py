"""A database in memory: transactions, row locks, READ COMMITTED.

What a transaction writes is seen by others after its commit, all at once. Who wants a row that another has written or
locked waits for the other's end, and then sees the row as it is then. A waiting for each other is broken by undoing
the one that closes the circle.

`coarse` is SQLite: whoever writes holds the one lock from the beginning.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from baton import Actor
from sqlalchemy.exc import IntegrityError, OperationalError
from world import World

Row = tuple[str, Hashable]

_LOCK_TIMEOUT_S: Final = 10.0
_DEADLOCK: Final = 1213
_LOCK_TIMEOUT: Final = 1205
_LOST: Final = 2013
_DUPLICATE: Final = 1062
_WHOLE: Final = ("database", "")


class DriverError(Exception):
    """What a driver raises."""

    def __init__(self, errno: int, message: str) -> None:
        super().__init__(message)
        self.errno = errno


def lost() -> OperationalError:
    """Returns the error of a connection that is lost, whatever became of what it was doing."""
    return OperationalError("statement", {}, DriverError(_LOST, "Lost connection to server during query"))


class Database:
    """The committed rows, the locks, and who holds them."""

    def __init__(self, world: World, coarse: bool) -> None:
        self.world = world
        self.coarse = coarse
        self.tables: dict[str, dict[Any, Any]] = {}
        self.locks: dict[Row, Transaction] = {}
        self.open: list[Transaction] = []
        self.before_commit: Callable[[dict[Row, Any]], object] = lambda writes: None
        self.file_owner: Actor | None = None
        self._numbers: dict[str, int] = {}

    def table(self, name: str) -> dict[Any, Any]:
        """Returns a table's committed rows by key."""
        return self.tables.setdefault(name, {})

    def next_number(self, table: str) -> int:
        """Numbers rows as they are inserted, not as they commit."""
        self._numbers[table] = self._numbers.get(table, 0) + 1
        return self._numbers[table]

    @contextmanager
    def transaction(self) -> "Iterator[Transaction]":
        """Opens a transaction; leaving it without a commit undoes it."""
        opened = Transaction(self)
        if self.coarse:
            opened.statement("begin")
            opened.lock(*_WHOLE)
        try:
            yield opened
        finally:
            if not self.world.unwinding:
                opened.undo()

    def drop(self, owners: "list[Actor]") -> None:
        """Undoes the transactions of clients that are no more."""
        for transaction in list(self.open):
            if transaction.owner in owners:
                transaction.undo()
        if self.file_owner in owners:
            self.file_owner = None

    def cut(self) -> None:
        """Breaks some connection in the middle of its transaction."""
        if self.open:
            victim = self.open[int(self.world.rng.random() * len(self.open))]
            self.world.say(f"  cut: the connection of {victim.owner.name}")
            victim.undo()


class Transaction:
    """One transaction of one connection."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = database.world.scheduler.current
        self.waits_for: Transaction | None = None
        self._writes: dict[Row, Any] = {}
        self._locks: list[Row] = []
        self._waiting: list[Actor] = []
        self._over = False
        self._out_of_reach = False
        database.open.append(self)

    def statement(self, what: str) -> None:
        """Sends a statement; the connection may be lost before it does anything."""
        self.database.world.scheduler.step(what)
        if self._over or self._out_of_reach:
            raise lost()
        if self.database.world.chance.of_call(("fails",)):
            self.database.world.say(f"  {what}: connection lost")
            self.undo()
            raise lost()

    def lock(self, table: str, key: Hashable) -> None:
        """Takes a row's lock, when its holder has ended."""
        row = (table, key)
        while (holder := self.database.locks.get(row)) is not None and holder is not self:
            self._wait_for(holder)
        if holder is None:
            self.database.locks[row] = self
            self._locks.append(row)

    def try_lock(self, table: str, key: Hashable) -> bool:
        """Takes a row's lock if nobody has it."""
        if self.database.locks.get((table, key), self) is not self:
            return False
        self.lock(table, key)
        return True

    def exists(self, table: str, key: Hashable) -> bool:
        """Tells whether there is a row to lock: a committed one, or one that another is about to insert."""
        return key in self.database.table(table) or (table, key) in self.database.locks

    def get(self, table: str, key: Hashable) -> Any:
        """Reads a row, with what this transaction has written; None if there is none."""
        row = (table, key)
        return self._writes[row] if row in self._writes else self.database.table(table).get(key)

    def put(self, table: str, key: Hashable, value: Any) -> None:
        """Writes a row; None deletes it."""
        self.lock(table, key)
        self._writes[(table, key)] = value

    def insert(self, table: str, key: Hashable, value: Any) -> None:
        """Writes a row that must not be there yet. Raises IntegrityError."""
        self.lock(table, key)
        if self.get(table, key) is not None:
            raise IntegrityError("insert", {}, DriverError(_DUPLICATE, f"Duplicate entry {key} for {table}"))
        self._writes[(table, key)] = value

    def commit(self) -> None:
        """Commits. Its answer may be lost, and then it may still be on its way."""
        world = self.database.world
        world.scheduler.step("commit")
        if self._over or self._out_of_reach:
            raise lost()
        fault = world.chance.of_call()
        if fault is None:
            return self._apply()
        world.say(f"  commit: {fault}")
        if fault == "fails":
            self.undo()
        elif fault == "answer lost":
            self._apply()
        else:
            self._out_of_reach = True  # the server has it still, with its locks
            self.database.open.remove(self)
            world.later(world.rng.random() * 1.5, "server", self._apply if world.rng.random() < 0.5 else self._end)
        raise lost()

    def undo(self) -> None:
        """Ends without an effect, unless the server is at it."""
        if not self._out_of_reach:
            self._end()

    def _apply(self) -> None:
        if self._over:
            return
        self.database.before_commit(self._writes)
        for (table, key), value in self._writes.items():
            if value is None:
                self.database.table(table).pop(key, None)
            else:
                self.database.table(table)[key] = value
        self._end()

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if self in self.database.open:
            self.database.open.remove(self)
        for row in self._locks:
            del self.database.locks[row]
        for actor in self._waiting:
            self.database.world.scheduler.wake(actor)

    def _wait_for(self, holder: "Transaction") -> None:
        scheduler = self.database.world.scheduler
        other: Transaction | None = holder
        while other is not None:
            if other is self:
                self.undo()
                raise OperationalError("statement", {}, DriverError(_DEADLOCK, "Deadlock found"))
            other = other.waits_for
        self.waits_for = holder
        holder._waiting.append(scheduler.current)
        woken = scheduler.wait(_LOCK_TIMEOUT_S)
        self.waits_for = None
        if self._over:
            raise lost()
        if not woken:
            self.undo()
            raise OperationalError("statement", {}, DriverError(_LOCK_TIMEOUT, "Lock wait timeout exceeded"))
