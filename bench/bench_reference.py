"""The published way beside ours: top two eligible rows from the database at every request, the serve recorded in it.

Same machine, same MariaDB, same campaigns, users and requests, one server after the other; as many requests are under
way as the reference has threads. Processor time is that of the server and of MariaDB together, not the load client's.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import text

from bench.campaigns import campaigns, requests
from bench.feedback_load import put_campaigns
from bench.load import Load, loader
from bench.machine import listeners
from bench.place import Place, mesh_place
from bench.reference_server import SCHEMA, THREADS
from bench.servers import free_port
from bench.store import user_ids
from bench.table import Figure
from marketplace.clock import system_clock
from marketplace.runtime.store.rows import insert_rows
from marketplace.runtime.store.schema import users
from marketplace.runtime.store.transactions import write_transaction
from stack.settled import wait_until
from stack.supervisor import ProcessSpec

COUNTS: Final = (2_110, 100_000)
USERS: Final = 10_000
_CALLS: Final = 4_000
_OF_REFERENCE: Final = 2_000
_CONNECTIONS: Final = 4
_START_S: Final = 30.0


def run() -> list[Figure]:
    """Measures, in a minute."""
    return [figure for count in COUNTS for figure in _beside(count)]


def notes() -> list[str]:
    """Says who made the calls."""
    return [f"load from {loader().name}, {THREADS} calls at once; CPU is of the server and MariaDB"]


def _beside(count: int) -> Iterator[Figure]:
    with mesh_place() as place:
        put_campaigns(place.engine, list(campaigns(count, system_clock())))
        _put_users(place)
        place.start("adserver")
        ours_us, ours_rate = _measured(place, _port(place.addresses["adserver"]), _CALLS)
        place.stop("adserver")
        with _reference(place) as port:
            reference_us, reference_rate = _measured(place, port, _OF_REFERENCE)
    what = f"{count:,} campaigns"
    yield Figure.beside(f"ours beside asking the database, {what}: CPU per ad", ours_us, "us", reference_us)
    yield Figure.beside(f"ours beside asking the database, {what}: ads a second", ours_rate, "/s", reference_rate)


def _measured(place: Place, port: int, calls: int) -> tuple[float, float]:
    """Returns processor time per ad in microseconds, and ads a second."""
    _ask(port, calls // 4)  # connections and caches are warm after this
    before = sum(place.cpu_seconds().values())
    done = _ask(port, calls)
    if done.errors:
        raise RuntimeError(f"calls failed: {dict(done.errors)}")
    return (sum(place.cpu_seconds().values()) - before) / done.messages * 1e6, done.messages / done.seconds


def _ask(port: int, calls: int) -> Load:
    rng = random.Random(5)
    ids = user_ids(USERS)
    named = ("city", "state", "country", "device_type")
    asked: list[dict[str, Any]] = [
        {"user_id": rng.choice(ids), **{name: getattr(request, name) for name in named}} for request in requests(1_000)
    ]
    return loader().unary(port, asked, calls, THREADS, _CONNECTIONS)


@contextmanager
def _reference(place: Place) -> Iterator[int]:
    with place.engine.begin() as connection:
        for statement in SCHEMA:
            connection.execute(text(statement))
        connection.execute(text("ANALYZE TABLE ads"))
    port = free_port()
    command = [sys.executable, "-m", "bench.reference_server", str(port), place.environment["STORE_URL"]]
    spec = ProcessSpec("reference", command, {}, f"127.0.0.1:{port}")
    place.pids[spec.name] = place.supervisor.start(spec)
    wait_until("the reference listens", lambda: listeners(port) == 1, _START_S)
    yield port
    place.stop(spec.name)


def _put_users(place: Place) -> None:
    rng = random.Random(4)
    blank = dict.fromkeys(("websites", "movies", "music", "program", "books", "negatives", "positives"), "")
    rows = [
        {
            "id": user_id,
            "age": rng.randint(18, 62),
            "gender": rng.choice("FM"),
            "internet_usage": "100.0",
            "income_bucket": rng.choice("LMH"),
            "user_agent_string": "agent",
            "device_type": "iPhone",
            **blank,
        }
        for user_id in user_ids(USERS)
    ]
    with write_transaction(place.engine) as connection:
        insert_rows(connection, users, rows)
        connection.execute(text("UPDATE counters SET value = value + 1 WHERE name = 'users'"))
        connection.commit()


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
