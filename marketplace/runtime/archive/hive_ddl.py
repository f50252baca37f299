"""The archive's tables in Hive's words."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from marketplace.runtime.archive.schema import PARTITIONED


def partition_of(path: str) -> tuple[str, str]:
    """Returns date and hour of the folder that a file lies in."""
    _, date, hour, _ = path.split("/")
    return date.removeprefix("dt="), hour.removeprefix("hour=")


def create_table(name: str, schema: pa.Schema, location: str) -> str:
    """Returns the statement that makes an external table over a folder."""
    columns = ", ".join(f"`{column.name}` {_hive_type(column.type)}" for column in schema)
    partitions = " PARTITIONED BY (dt STRING, hour STRING)" if name in PARTITIONED else ""
    return f"CREATE EXTERNAL TABLE IF NOT EXISTS {name} ({columns}){partitions} STORED AS PARQUET LOCATION '{location}'"


def add_partitions(table: str, folders: Sequence[tuple[str, str]]) -> str:
    """Returns the statement that makes partitions, as dates and hours, known."""
    specs = " ".join(f"PARTITION (dt='{date}', hour='{hour}')" for date, hour in folders)
    return f"ALTER TABLE {table} ADD IF NOT EXISTS {specs}"


def drop_partitions(table: str, date: str) -> str:
    """Returns the statement that makes every partition of a date unknown."""
    return f"ALTER TABLE {table} DROP IF EXISTS PARTITION (dt='{date}')"


def _hive_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    names: dict[Any, str] = {pa.string(): "STRING", pa.int32(): "INT", pa.int64(): "BIGINT"}
    return names.get(kind, "TIMESTAMP")
