"""Asks the store whether it is there."""

from sqlalchemy import Engine, select

from marketplace.runtime.store.schema import counters
from marketplace.runtime.store.transactions import reading


def ping(engine: Engine) -> None:
    """Returns if the store answers with a row of its own. Raises Unavailable otherwise."""
    with reading(engine) as connection:
        connection.execute(select(counters.c.value).limit(1)).all()  # `SELECT 1` alone would not touch an SQLite file
