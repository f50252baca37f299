"""Parquet files of the archive: written with their end position in the footer, and read back."""

from collections.abc import Callable
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from marketplace.archive_layout import TABLE_OF_TOPIC, Epoch, newest_files
from marketplace.ports import ArchiveFiles

_END_KEY: Final = "adplatform.end"


def parquet_writer(table: pa.Table, end: int | None = None) -> Callable[[BinaryIO], None]:
    """Returns what writes the table into an open file, for `ArchiveFiles.write_aside`.

    `end` is the offset behind the last record of the range that the file stands for.
    """

    def write(sink: BinaryIO) -> None:
        with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer:
            writer.write_table(table)
            if end is not None:
                writer.add_key_value_metadata({_END_KEY: str(end)})

    return write


def read_end(files: ArchiveFiles, name: str) -> int:
    """Returns the offset behind the file's range. Raises ValueError for a file that does not say."""
    with files.open(name) as source:
        metadata = pq.read_metadata(source).metadata or {}
    end = metadata.get(_END_KEY.encode())
    if end is None:
        raise ValueError(f"{name} does not say where its range ends: it was not written by the feedback writer")
    return int(end)


def archived_ends(files: ArchiveFiles, topic: str, epoch: Epoch) -> dict[int, int]:
    """Returns, per partition that has files in this epoch, the offset up to which the archive holds the topic."""
    newest = newest_files(files.list(TABLE_OF_TOPIC[topic]), topic, epoch.number)
    return {partition: read_end(files, name) for partition, name in newest.items()}
