"""The embedded log's tables, and what is done to them inside one transaction."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from marketplace.errors import Unavailable
from marketplace.ports import Bounds, Headers, Message, Record
from marketplace.runtime.log.topics import TopicSettings, check_position

TRIM_LIMIT: Final = 1000  # records deleted per publish, so that a publisher never holds the lock for long

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS partitions (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
        first_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0,
        last_time_us INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition))""",
    """CREATE TABLE IF NOT EXISTS records (
        partition_id INTEGER NOT NULL, offset INTEGER NOT NULL, time_us INTEGER NOT NULL, key BLOB,
        value BLOB NOT NULL, headers TEXT, PRIMARY KEY (partition_id, offset)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS positions (
        member_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
        PRIMARY KEY (member_group, topic, partition)) WITHOUT ROWID""",
)


class Partition(NamedTuple):
    """A row of `partitions`."""

    row_id: int
    held: Bounds
    last_time_us: int


def create(connection: sqlite3.Connection, topics: Sequence[TopicSettings]) -> None:
    """Creates the tables and topics that are missing; a topic that exists keeps its partitions."""
    for statement in _SCHEMA:
        connection.execute(statement)
    if "headers" not in {column[1] for column in connection.execute("PRAGMA table_info(records)")}:
        connection.execute("ALTER TABLE records ADD COLUMN headers TEXT")  # the file is of an earlier version
    for topic in topics:
        if not connection.execute("SELECT 1 FROM partitions WHERE topic = ?", (topic.name,)).fetchone():
            rows = [(topic.name, number) for number in range(topic.partitions)]
            connection.executemany("INSERT INTO partitions (topic, partition) VALUES (?, ?)", rows)


def partitions_of(connection: sqlite3.Connection, topic: str) -> dict[int, Partition]:
    """Returns a topic's partitions by number; raises Unavailable if nobody has created it."""
    sql = "SELECT partition, id, first_offset, next_offset, last_time_us FROM partitions WHERE topic = ?"
    rows = connection.execute(sql, (topic,)).fetchall()
    if not rows:
        raise Unavailable(f"the log has no topic {topic} yet")
    return {number: Partition(row_id, Bounds(first, end), last_us) for number, row_id, first, end, last_us in rows}


def fetch(connection: sqlite3.Connection, topic: str, positions: Mapping[int, int], limit: int) -> list[Record]:
    """Returns up to `limit` records from the positions on, partition after partition.

    Raises FailedPrecondition for a position that its partition does not hold.
    """
    sql = (
        "SELECT offset, time_us, key, value, headers FROM records "
        "WHERE partition_id = ? AND offset >= ? ORDER BY 1 LIMIT ?"
    )
    partitions = partitions_of(connection, topic)
    records: list[Record] = []
    for number, position in positions.items():
        partition = partitions[number]
        check_position(topic, number, position, partition.held)
        if position < partition.held.end and len(records) < limit:
            rows = connection.execute(sql, (partition.row_id, position, limit - len(records)))
            records += [
                Record(topic, number, offset, time_us, key, value, _read_headers(headers))
                for offset, time_us, key, value, headers in rows
            ]
    return records


def append(connection: sqlite3.Connection, partition: Partition, batch: Sequence[Message], now_us: int) -> None:
    """Appends a batch at the partition's end, at a time that never lies before the last one's."""
    time_us = max(now_us, partition.last_time_us)
    offset = partition.held.end
    rows = [
        (partition.row_id, offset + i, time_us, message.key, message.value, _written(message.headers))
        for i, message in enumerate(batch)
    ]
    sql = "INSERT INTO records (partition_id, offset, time_us, key, value, headers) VALUES (?, ?, ?, ?, ?, ?)"
    connection.executemany(sql, rows)
    sql = "UPDATE partitions SET next_offset = ?, last_time_us = ? WHERE id = ?"
    connection.execute(sql, (offset + len(batch), time_us, partition.row_id))


def trim(connection: sqlite3.Connection, partition: Partition, before_us: int) -> None:
    """Deletes the oldest records, those from before a time and at most TRIM_LIMIT of them."""
    sql = "SELECT offset, time_us FROM records WHERE partition_id = ? ORDER BY offset LIMIT ?"
    oldest = connection.execute(sql, (partition.row_id, 1)).fetchone()
    if oldest is None or oldest[1] >= before_us:
        return
    rows = connection.execute(sql, (partition.row_id, TRIM_LIMIT)).fetchall()
    start = max(offset for offset, time_us in rows if time_us < before_us) + 1
    connection.execute("DELETE FROM records WHERE partition_id = ? AND offset < ?", (partition.row_id, start))
    connection.execute("UPDATE partitions SET first_offset = ? WHERE id = ?", (start, partition.row_id))


def committed(connection: sqlite3.Connection, group: str, topic: str) -> dict[int, int]:
    """Returns the positions that a group has kept, by partition."""
    sql = "SELECT partition, offset FROM positions WHERE member_group = ? AND topic = ?"
    return dict(connection.execute(sql, (group, topic)).fetchall())


def commit(connection: sqlite3.Connection, group: str, topic: str, positions: Mapping[int, int]) -> None:
    """Keeps a group's positions."""
    rows = [(group, topic, partition, offset) for partition, offset in positions.items()]
    connection.executemany("REPLACE INTO positions VALUES (?, ?, ?, ?)", rows)


def _written(headers: Headers) -> str | None:
    return json.dumps([(name, value.hex()) for name, value in headers]) if headers else None


def _read_headers(written: str | None) -> Headers:
    return tuple((name, bytes.fromhex(value)) for name, value in json.loads(written)) if written else ()
