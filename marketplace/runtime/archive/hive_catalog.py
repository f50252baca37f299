"""The archive's tables through HiveServer2, as external tables over the Parquet files."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from pyhive import hive
from TCLIService.ttypes import TOperationState
from thrift.Thrift import TException

from marketplace import errors
from marketplace.ports import ArchiveFiles, ResultTable
from marketplace.runtime.archive.hive_ddl import add_partitions, create_table, drop_partitions, partition_of
from marketplace.runtime.archive.hive_server import HiveServer
from marketplace.runtime.archive.schema import PARTITIONED, WHOLE

_LOST: Final = (TException, OSError, EOFError)
_RUNNING: Final = {TOperationState.INITIALIZED_STATE, TOperationState.PENDING_STATE, TOperationState.RUNNING_STATE}
_NANO: Final = Decimal("1e-9")
_ROWS_PER_FETCH: Final = 10_000
_ANSWER_S: Final = 60.0  # for one call: to compile a statement, to answer a poll, to send some rows


class HiveCatalog:
    """Implements `ports.ArchiveCatalog` over one session, for several threads, one at a time.

    A session that was lost (server restarted, connection cut, idle too long) is opened again and gets its earlier
    `execute` statements again; the call that met the loss is run once more, which is safe because every statement here
    reads, or creates what is missing. After that, and past `deadline_s`, a call raises `errors.Unavailable`; SQL that
    Hive does not understand raises `errors.InvalidArgument`.
    """

    def __init__(self, server: HiveServer, files: ArchiveFiles, location: str, deadline_s: float = 300.0) -> None:
        self._server = server
        self._files = files
        self._location = location.rstrip("/")
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._connection: hive.Connection | None = None
        self._session_statements: list[str] = []

    def create_tables(self) -> None:
        """Creates the external tables where they are missing, and makes known the partitions that the folder has."""
        for name, schema in {**PARTITIONED, **WHOLE}.items():
            location = f"{self._location}/{name}"
            self._run(create_table(name, schema, location))
            self._check_location(name, location)
        for name in PARTITIONED:
            self._add_partitions(name, {partition_of(path) for path in self._files.list(name)})

    def add_partition(self, table: str, date: str, hour: str) -> None:
        """Makes a partition known; harmless when it is known already or empty."""
        self._run(add_partitions(table, [(date, hour)]))

    def drop_partitions(self, table: str, date: str) -> None:
        """Makes the partitions of a day unknown; the tables are external, so files stay."""
        self._run(drop_partitions(table, date))

    def execute(self, sql: str) -> None:
        """Runs a statement for the rest of this session."""
        self._run(sql)
        self._session_statements.append(sql)

    def query(self, sql: str) -> ResultTable:
        """Runs one SELECT."""
        return self._run(sql)

    def close(self) -> None:
        """Ends the session."""
        with self._lock:
            if self._connection is not None:
                with suppress(*_LOST, hive.Error):
                    self._connection.close()
            self._drop()

    def _check_location(self, table: str, location: str) -> None:
        """Refuses a table that was there before, over another folder: it would answer with another archive."""
        described = {str(row[0]).strip(): str(row[1]).strip() for row in self._run(f"DESCRIBE FORMATTED {table}").rows}
        found = described["Location:"]
        if urlsplit(found).path != urlsplit(location).path:
            raise errors.FailedPrecondition(
                f"Hive's table {self._server.database}.{table} lies at {found}, the archive at {location}: "
                "name another database in the archive's URL, or drop the table (its files stay)"
            )

    def _add_partitions(self, table: str, folders: set[tuple[str, str]]) -> None:
        known = {str(row[0]) for row in self._run(f"SHOW PARTITIONS {table}").rows}
        missing = sorted(folder for folder in folders if "dt={}/hour={}".format(*folder) not in known)
        if missing:
            self._run(add_partitions(table, missing))

    def _run(self, sql: str) -> ResultTable:
        deadline = time.monotonic() + self._deadline_s
        with self._lock:
            try:
                return self._attempt(sql, deadline)
            except _LOST as problem:
                self._drop()
                if time.monotonic() > deadline:
                    raise self._no_answer(problem) from problem
            try:
                return self._attempt(sql, deadline)
            except _LOST as problem:
                self._drop()
                raise self._no_answer(problem) from problem

    def _attempt(self, sql: str, deadline: float) -> ResultTable:
        try:
            if self._connection is None:
                connection = self._server.connect(min(self._deadline_s, _ANSWER_S))
                for statement in self._session_statements:
                    self._fetch(connection, statement, deadline)
                self._connection = connection
            return self._fetch(self._connection, sql, deadline)
        except hive.OperationalError as problem:
            raise _ours(problem.args[0]) from problem

    def _fetch(self, connection: hive.Connection, sql: str, deadline: float) -> ResultTable:
        with connection.cursor(arraysize=_ROWS_PER_FETCH) as cursor:
            cursor.execute(sql, async_=True)
            self._wait(cursor, deadline)
            if cursor.description is None:
                return ResultTable((), [])
            columns = tuple(column[0] for column in cursor.description)
            return ResultTable(columns, _exact(cursor.fetchall()))

    def _wait(self, cursor: hive.Cursor, deadline: float) -> None:
        """Waits until the statement is done; the server answers each poll when it is, or after some seconds."""
        while (status := cursor.poll(get_progress_update=False)).operationState in _RUNNING:
            if time.monotonic() > deadline:
                cursor.cancel()
                raise errors.Unavailable(f"the statement took longer than {self._deadline_s:g} s")
            time.sleep(0.01)
        if status.operationState != TOperationState.FINISHED_STATE:
            raise _failure(status.errorMessage, status.sqlState)

    def _no_answer(self, problem: Exception) -> errors.Unavailable:
        return errors.Unavailable(f"Hive at {self._server.host}:{self._server.port} does not answer: {problem}")

    def _drop(self) -> None:
        """Cuts the connection; the server ends a session that has lost its own."""
        if self._connection is not None:
            self._connection._transport.close()
            self._connection = None


class _SessionLost(OSError):
    """The server does not know the session (any more): it was idle too long, or the server is another one now."""


def _ours(response: Any) -> Exception:
    status = getattr(response, "status", None)
    return _failure(getattr(status, "errorMessage", None) or str(response), getattr(status, "sqlState", None))


def _failure(message: str | None, sql_state: str | None) -> Exception:
    message = (message or "no reason given").removeprefix("Error while compiling statement: ")
    if "Invalid SessionHandle" in message:
        return _SessionLost(message)
    if (sql_state or "").startswith("42"):
        return errors.InvalidArgument(f"Hive: {message}", field="sql")
    return errors.Unavailable(f"Hive: {message}")


def _exact(rows: Sequence[Sequence[object]]) -> list[tuple[object, ...]]:
    """Gives money back the trailing zeros that Hive leaves out."""
    return [tuple(v.quantize(_NANO) if isinstance(v, Decimal) else v for v in row) for row in rows]
