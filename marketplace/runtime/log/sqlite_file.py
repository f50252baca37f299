"""One SQLite file shared by many processes: transactions that wait for it no longer than their deadline."""

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

from marketplace.runtime.log.topics import no_answer

T = TypeVar("T")

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteFile:
    """A connection of its own to the file, safe to share between threads.

    A transaction that finds the file locked is rolled back and tried again until `timeout_s` after its call, then
    raises Unavailable. Between tries it sleeps 1-5 ms at random: SQLite's own back-off starves whoever waited longest.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        try:
            path.absolute().parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as problem:
            raise no_answer(problem) from problem
        try:
            self._until_free(self._configure)
        except BaseException:
            self._connection.close()
            raise

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Returns what `work` reads of one snapshot of the file."""
        return self._until_free(lambda: self._transact("BEGIN", work))

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Does `work` holding the file's one write lock; durable on return. It may run more than once."""
        return self._until_free(lambda: self._transact("BEGIN IMMEDIATE", work))

    def version(self) -> int:
        """Returns a number that changes when another connection has committed; costs no transaction."""
        return self._until_free(lambda: int(self._connection.execute("PRAGMA data_version").fetchone()[0]))

    def close(self) -> None:
        """Closes the connection."""
        with self._turn:
            self._connection.close()

    def _configure(self) -> None:
        if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")

    def _transact(self, begin: Literal["BEGIN", "BEGIN IMMEDIATE"], work: Callable[[sqlite3.Connection], T]) -> T:
        self._connection.execute(begin)
        try:
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    def _until_free(self, attempt: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._timeout_s
        if not self._turn.acquire(timeout=self._timeout_s):
            raise no_answer(TimeoutError("another thread holds the log"))
        try:
            while True:
                try:
                    return attempt()
                except sqlite3.OperationalError as problem:
                    if problem.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() >= deadline:
                        raise no_answer(problem) from problem
                time.sleep(random.uniform(0.001, 0.005))
        finally:
            self._turn.release()
