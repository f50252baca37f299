"""A store with campaigns and users for the ad server to load, kept from run to run."""

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from bench.campaigns import campaigns
from marketplace.clock import system_clock
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.rows import row_of

_FOLDER: Final = Path("var/bench")
_ROWS_AT_A_TIME: Final = 10_000
_USER: Final = "INSERT INTO users VALUES (?, ?, ?, '100.0', ?, 'agent', 'iPhone', '', '', '', '', '', '', '')"


def user_ids(count: int) -> list[str]:
    """Returns the ids of the users of a store."""
    rng = Random(3)
    return [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(count)]


def filled(campaign_count: int, user_count: int) -> Path:
    """Returns the file of a store with campaigns that are live for the next hours, and users."""
    path = _FOLDER.absolute() / f"store-{campaign_count}-{user_count}.db"
    for old in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        old.unlink(missing_ok=True)  # its windows would have ended
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    made = (row_of(one) for one in campaigns(campaign_count, system_clock()))
    while rows := [row for _, row in zip(range(_ROWS_AT_A_TIME), made, strict=False)]:
        names = list(rows[0])
        marks = ", ".join(f":{name}" for name in names)
        connection.executemany(f"INSERT INTO ads ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608
    connection.executemany(_USER, _users(user_count))
    connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'users'")
    connection.commit()
    connection.close()
    return path


def _users(count: int) -> Iterator[tuple[str, int, str, str]]:
    rng = Random(4)
    for user_id in user_ids(count):
        yield user_id, rng.randint(18, 62), rng.choice("FM"), rng.choice("LMH")
