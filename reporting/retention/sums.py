"""What is left of a day of the archive: sums per campaign and quarter of an hour, and which files they stand for."""

import json
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from marketplace.ports import ArchiveFiles
from marketplace.runtime.archive.schema import RETIRED

QUARTER_MINUTES: Final = 15
_FILES_KEY: Final = b"adplatform.files"
_GROUP: Final = ["campaign_id", "timestamp"]
_HOW: Final[dict[str, Literal["sum", "min", "max"]]] = {
    "events": "sum",
    "first_event_seq": "min",
    "event_seq": "max",
    "view": "sum",
    "click": "sum",
    "acquisition": "sum",
    "expenditure": "sum",
    "uncharged": "sum",
}
_READ: Final = {
    "user_feedback": [*_GROUP, "event_seq", "view", "click", "acquisition", "expenditure", "uncharged"],
    "served_ads": _GROUP,
}


def day_summary(files: ArchiveFiles, table: str, date: str, names: Iterable[str]) -> pa.Table:
    """Returns the rows of `retired` that stand for these files of a day, one file in memory at a time."""
    parts = [_grouped(_events(files, table, name)) for name in names]
    sums = _grouped(pa.concat_tables(parts))
    columns = {
        "source": pa.array([table] * len(sums), pa.string()),
        "dt": pa.array([date] * len(sums), pa.string()),
        **{name: sums[name] for name in sums.column_names},
    }
    rows = {field.name: columns.get(field.name, pa.nulls(len(sums), field.type)) for field in RETIRED}
    ordered = pa.table(rows).cast(RETIRED)  # a sum of decimals has more digits than a charge
    return ordered.sort_by([(name, "ascending") for name in _GROUP])


def write_summary(sink: BinaryIO, rows: pa.Table, names: Sequence[str]) -> None:
    """Writes a summary into an open file, with the names of the files that it stands for."""
    with pq.ParquetWriter(sink, rows.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({_FILES_KEY.decode(): json.dumps(sorted(names))})


def summarized_files(files: ArchiveFiles, summary: str) -> set[str]:
    """Returns the names of the files that a summary stands for. Raises ValueError for a file that is none."""
    with files.open(summary) as source:
        metadata = pq.read_metadata(source).metadata or {}
    if _FILES_KEY not in metadata:
        raise ValueError(f"{summary} does not say which files it stands for: it was not written by `retention archive`")
    return set(json.loads(metadata[_FILES_KEY]))


def _events(files: ArchiveFiles, table: str, name: str) -> pa.Table:
    with files.open(name) as source:
        rows: pa.Table = pq.ParquetFile(source).read(_READ[table])
    quarters = pc.floor_temporal(rows["timestamp"], multiple=QUARTER_MINUTES, unit="minute")
    rows = rows.set_column(rows.column_names.index("timestamp"), "timestamp", quarters)
    rows = rows.append_column("events", pa.array([1] * len(rows), pa.int64()))
    return rows.append_column("first_event_seq", rows["event_seq"]) if table == "user_feedback" else rows


def _grouped(rows: pa.Table) -> pa.Table:
    sums = [(name, how) for name, how in _HOW.items() if name in rows.column_names]
    grouped = rows.group_by(_GROUP).aggregate(sums)
    return grouped.rename_columns({f"{name}_{how}": name for name, how in sums})
