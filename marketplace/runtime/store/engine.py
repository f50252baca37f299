"""Opens the store by its URL: `sqlite:///path/store.db` or `mysql://user:password@host:port/database?ssl_ca=...`."""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from marketplace.errors import Unavailable
from marketplace.runtime.settings import BadSettingError

_LOCK_TIMEOUT_S: Final = 10
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


def open_engine(store_url: str, pool_size: int = 5) -> Engine:
    """Opens a pooled engine; nothing is connected yet. Raises BadSettingError.

    Every transaction is READ COMMITTED on a MySQL-protocol server. On SQLite a transaction of `writing(engine)` takes
    the one write lock at once (BEGIN IMMEDIATE), so what it reads cannot change before it commits; that is what row
    locks do elsewhere.
    """
    try:
        url = make_url(store_url)
    except ArgumentError:
        raise BadSettingError("STORE_URL is not a URL such as sqlite:///var/store.db") from None
    match url.get_backend_name():
        case "sqlite":
            return _open_sqlite(url)
        case "mysql" | "mariadb":
            return _open_mysql(url, pool_size)
        case other:
            raise BadSettingError(f"STORE_URL begins with {other}:, not with sqlite: or mysql:")


def writing(engine: Engine) -> Engine:
    """Returns the engine for transactions that write."""
    return engine.execution_options(writes=True)


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise BadSettingError("STORE_URL names no file: several processes share the store")
    Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    connect_args = {"timeout": _LOCK_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=connect_args, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_LOCK_TIMEOUT_S * 1000}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _open_mysql(url: URL, pool_size: int) -> Engine:
    from marketplace.runtime.store.mysql_dialect import DRIVER_NAME  # loads a driver that SQLite never needs

    options: dict[str, Any] = {
        "charset": "utf8mb4",
        "collation": "utf8mb4_unicode_ci",  # the driver's default is unknown to MariaDB
        "connection_timeout": _LOCK_TIMEOUT_S,
    }
    if url.host in _LOOPBACK and not any(name.startswith("ssl") for name in url.query):
        options["ssl_disabled"] = True
    return create_engine(
        url.set(drivername=DRIVER_NAME),
        connect_args=options,
        hide_parameters=True,  # a batch has megabytes of them
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_LOCK_TIMEOUT_S,
        pool_pre_ping=True,
        pool_recycle=3600,
    )


def unavailable(problem: Exception) -> Unavailable:
    """Returns the error that a client sees for a store that does not answer; the cause is for the log."""
    error = Unavailable("the store does not answer, try again")
    error.__cause__ = problem
    return error
