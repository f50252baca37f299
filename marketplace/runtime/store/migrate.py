"""Brings a database to this version's schema. Safe for several processes that start at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from marketplace.runtime.store.engine import unavailable, writing

_LOCK_NAME: Final = "adplatform-migrations"
_LOCK_TIMEOUT_S: Final = 60


def migrate(engine: Engine) -> None:
    """Creates or upgrades the schema under a lock. Raises Unavailable where the store does not answer."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    try:
        with writing(engine).connect() as connection, _locked(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as problem:
        raise unavailable(problem) from problem


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    if connection.dialect.name == "sqlite":
        with connection.begin():  # its BEGIN IMMEDIATE is the lock; Alembic commits nothing in a transaction of others
            yield
        return
    parameters = {"name": _LOCK_NAME, "seconds": _LOCK_TIMEOUT_S}
    if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), parameters).scalar() != 1:
        raise TimeoutError("another process has been migrating the store for a minute")
    connection.commit()  # the lock stays, it is the session's; now Alembic commits each version with its number
    try:
        yield
    except BaseException:
        connection.invalidate()  # the lock goes with the session
        raise
    connection.execute(text("SELECT RELEASE_LOCK(:name)"), parameters)
