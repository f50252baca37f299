"""The floor of feedback: the micro-batch loop that charging cannot do without, and nothing around it.

One connection, plain statements through the driver's own cursor: lock the campaigns, read the ledger, insert into
ledger and outbox, update the campaigns, commit with fsync. No decisions, no gRPC, no relay, no topic, no archive, no
processes beside it.
"""

import random
import time
from collections.abc import Sequence
from typing import Any, Final

import mysql.connector
from sqlalchemy.engine import make_url
from uuid6 import uuid7

from marketplace.campaign import Campaign

_LOCK: Final = "SELECT campaign_id, spent_nanos, event_seq FROM ads WHERE campaign_id IN ({}) ORDER BY 1 FOR UPDATE"
_LOOK: Final = "SELECT request_id, action, price_nanos FROM ledger WHERE request_id IN ({})"
_LEDGER: Final = (
    "INSERT INTO ledger (request_id, action, campaign_id, event_seq, price_nanos, charged_nanos, uncharged_nanos,"
    " charged_at_us, event) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_OUTBOX: Final = (
    "INSERT INTO outbox (shard, topic, message_key, value, campaign_id, event_seq) VALUES (%s, %s, %s, %s, %s, %s)"
)
_FRESH: Final = "SELECT %s AS campaign_id, %s AS spent, %s AS seq"
_UPDATE: Final = (
    "UPDATE ads JOIN ({}) AS fresh ON ads.campaign_id = fresh.campaign_id"
    " SET ads.spent_nanos = fresh.spent, ads.event_seq = fresh.seq"
)
_EVENT_BYTES: Final = 330


def bare_rate(store_url: str, campaigns: Sequence[Campaign], batch_size: int, seconds: float) -> float:
    """Returns how many feedbacks a second the loop charges on a MySQL-protocol server; what it wrote is removed."""
    url = make_url(store_url)
    connection = mysql.connector.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
        ssl_disabled=True,
        collation="utf8mb4_unicode_ci",
    )
    cursor = connection.cursor(buffered=True)
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    rng, names = random.Random(1), [campaign.campaign_id for campaign in campaigns]
    started, charged = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        _charge(cursor, [(str(uuid7()), rng.choice(names)) for _ in range(batch_size)])
        connection.commit()
        charged += batch_size
    took = time.perf_counter() - started
    for statement in ("TRUNCATE ledger", "TRUNCATE outbox", "UPDATE ads SET spent_nanos = 0, event_seq = 0"):
        cursor.execute(statement)
    connection.commit()
    connection.close()
    return charged / took


def _charge(cursor: Any, batch: Sequence[tuple[str, str]]) -> None:
    wanted = sorted({name for _, name in batch})
    cursor.execute(_LOCK.format(_marks(wanted)), wanted)
    accounts = {name: (spent, seq) for name, spent, seq in cursor.fetchall()}
    requests = [request_id for request_id, _ in batch]
    cursor.execute(_LOOK.format(_marks(requests)), requests)
    known = {row[0] for row in cursor.fetchall()}
    now_us, event = time.time_ns() // 1_000, b"e" * _EVENT_BYTES
    ledger, outbox = [], []
    for request_id, name in batch:
        if request_id in known:
            continue
        spent, seq = accounts[name]
        accounts[name] = spent + 1_000, seq + 1
        ledger.append((request_id, 2, name, seq + 1, 1_000, 1_000, 0, now_us, event))
        outbox.append((0, "user-feedback", name.encode(), event, name, seq + 1))
    cursor.executemany(_LEDGER, ledger)
    cursor.executemany(_OUTBOX, outbox)
    fresh = [value for name, account in accounts.items() for value in (name, *account)]
    cursor.execute(_UPDATE.format(" UNION ALL ".join([_FRESH] * len(accounts))), fresh)


def _marks(values: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(values))
