"""Copies a store, whatever database it is on, into one SQLite file of the same tables, and back into an empty store.

The copy is of one moment, although everybody goes on writing. It bears the mark of a restored store from the start, so
that even a process that is given the file itself as its store refuses it.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from alembic.util import CommandError
from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, and_, delete, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from marketplace.errors import FailedPrecondition
from marketplace.runtime.store.engine import open_engine, unavailable
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.restored import mark_pending, pass_lost_numbers
from marketplace.runtime.store.schema import counters, metadata, outbox_shards
from marketplace.runtime.store.transactions import write_transaction
from reporting.sources import snapshot

_PAGE: Final = 5_000
_ROWS_A_STATEMENT: Final = 128  # of the largest rows, below the 16 MB that a server takes by default
_FROM_THE_START: Final = (counters, outbox_shards)  # a new store has rows in these


def backup_store(engine: Engine, path: Path) -> int:
    """Writes the store's rows into a new file, readable by its owner only; returns how many.

    Raises FileExistsError, OSError, Unavailable. The file has its name only when it is whole.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with _sqlite(aside) as file, snapshot(engine) as source, write_transaction(file) as target:
            count = _copy(source, target)
            mark_pending(target)
            target.commit()
        _settle(aside)
        os.link(aside, path)  # unlike a rename, never replaces an earlier backup
        return count
    except SQLAlchemyError as problem:
        raise unavailable(problem) from problem
    finally:
        for left in aside.parent.glob(f"{aside.name}*"):
            left.unlink()


def restore_store(path: Path, engine: Engine) -> int:
    """Puts a backup's rows into an empty store; returns how many.

    All of it or nothing. Raises FailedPrecondition for a store that holds something or a file that is no backup,
    OSError, Unavailable.
    """
    migrate(engine)
    try:
        with _copied(path) as backup, snapshot(backup) as source, write_transaction(engine) as target:
            _refuse_full(target)
            count = _copy(source, target)
            mark_pending(target)
            pass_lost_numbers(target)
            target.commit()
        return count
    except SQLAlchemyError as problem:
        raise unavailable(problem) from problem


def _copy(source: Connection, target: Connection) -> int:
    for table in _FROM_THE_START:
        target.execute(delete(table))
    count = 0
    for table in metadata.sorted_tables:
        for rows in _pages(source, table):
            _insert(target, table, rows)
            count += len(rows)
    return count


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """Yields a table's rows in the order of its key, a page at a time: drivers would hold all of them."""
    key = list(table.primary_key.columns)
    statement = select(table).order_by(*key).limit(_PAGE)
    rows = connection.execute(statement).all()
    while rows:
        yield rows
        after = _above([(column, getattr(rows[-1], column.name)) for column in key])
        rows = connection.execute(statement.where(after)).all()


def _insert(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    """Inserts whole rows as they are: several times faster than through the types of their columns."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.columns)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(table.columns))})"  # noqa: S608
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        connection.exec_driver_sql(statement, [tuple(row) for row in rows[start : start + _ROWS_A_STATEMENT]])


def _above(key: Sequence[tuple[ColumnElement[Any], Any]]) -> ColumnElement[bool]:
    """Returns the condition of a key above this one, in the words for which databases use the key's index."""
    (column, value), *rest = key
    return or_(column > value, and_(column == value, _above(rest))) if rest else column > value


def _refuse_full(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if table in _FROM_THE_START:
            continue
        if rows := connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise FailedPrecondition(
                f"the store is not empty: {table.name} holds {rows:,} rows; restore into a new database"
            )


@contextmanager
def _sqlite(path: Path) -> Iterator[Engine]:
    engine = open_engine(URL.create("sqlite", database=str(path.absolute())).render_as_string())
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _copied(path: Path) -> Iterator[Engine]:
    """Opens a copy of a backup, brought to this version's schema: the backup itself stays as it is."""
    with path.open("rb") as file:
        if not file.read(16).startswith(b"SQLite format 3"):
            raise FailedPrecondition(f"{path} is not a backup of a store")
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".restore-") as folder:
        copy = Path(shutil.copy(path, folder))
        try:
            with _sqlite(copy) as engine:
                yield engine
        except CommandError:
            raise FailedPrecondition(f"{path} was made by a later version of this program") from None


def _settle(path: Path) -> None:
    """Makes the file whole in itself, without the log beside it, and durable."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())
