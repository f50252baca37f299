"""Loads users into the store's table, batch by batch."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Final

from sqlalchemy import Engine, delete, insert, update

from marketplace.datafiles import Progress
from marketplace.runtime.store import schema
from marketplace.runtime.store.transactions import retrying, write_transaction
from simulator.users import User

_BATCH: Final = 500


def load_users(engine: Engine, people: Iterable[User], progress: Progress | None = None) -> int:
    """Inserts or replaces users by id, and then tells the ad servers; returns how many rows were read.

    A transaction a batch, each safe to repeat. The counter that ad servers watch moves in the last transaction, so
    they read the table when it is complete; a load that was broken off is simply made again.
    """
    count = 0
    remaining = iter(people)
    while batch := list(islice(remaining, _BATCH)):
        retrying(lambda batch=batch: _replace(engine, batch))  # type: ignore[misc]
        count += len(batch)
        if progress:
            progress(count, None)
    retrying(lambda: _announce(engine))
    return count


def _replace(engine: Engine, batch: Sequence[User]) -> None:
    rows = {user.id: {**asdict(user), "internet_usage": str(user.internet_usage)} for user in batch}
    with write_transaction(engine) as connection:
        # Delete and insert, because no one "upsert" is both SQLite's and MySQL's; no one sees the gap.
        connection.execute(delete(schema.users).where(schema.users.c.id.in_(list(rows))))
        connection.execute(insert(schema.users), list(rows.values()))
        connection.commit()


def _announce(engine: Engine) -> None:
    counters = schema.counters
    with write_transaction(engine) as connection:
        connection.execute(update(counters).where(counters.c.name == "users").values(value=counters.c.value + 1))
        connection.commit()
