"""How the archive is laid out, for who writes it and who checks it: tables, folders, file names and epochs.

A file holds one contiguous range of one topic partition. Its name says where the range starts, its footer where it
ends; the next file's name starts there. So the names of a partition form a chain, and creating a name only if it is
free decides between two writers.

An epoch begins when a topic is made anew or has lost messages: `<table>/_epochs/NNN.json` says from which offsets it
counts. Files of older epochs stay, but say nothing about positions any more.

A day that retention has taken away leaves a summary: `retired/<table>-<date>.parquet`. From the moment that it is there
it stands in place of the day's folders, whose files go next.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from marketplace.clock import US_PER_SECOND
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, ArchiveFiles

TABLE_OF_TOPIC: Final = {USER_FEEDBACK: "user_feedback", SERVED_ADS: "served_ads"}
ADS_FILE: Final = "ads/ads.parquet"

_RETIRED: Final = "retired"
_SUMMARY: Final = re.compile(_RETIRED + r"/(?P<table>\w+)-(?P<date>\d{4}-\d{2}-\d{2})\.parquet")
_NAME: Final = re.compile(r"(?P<topic>.+)-e(?P<epoch>\d{3,})-(?P<partition>\d{5,})-(?P<start>\d{20})\.parquet")


@dataclass(frozen=True, slots=True)
class FileName:
    """The name of an archive file without its folder: `user-feedback-e000-00002-00000000000000001500.parquet`."""

    topic: str
    epoch: int
    partition: int
    start: int

    def __str__(self) -> str:
        return f"{self.topic}-e{self.epoch:03d}-{self.partition:05d}-{self.start:020d}.parquet"

    @classmethod
    def parse(cls, path: str) -> "FileName | None":
        """Reads the last part of a path; None if it is not such a name."""
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if not match:
            return None
        return cls(match["topic"], int(match["epoch"]), int(match["partition"]), int(match["start"]))


def date_and_hour(time_us: int) -> tuple[str, str]:
    """Returns the partition columns `dt` (`YYYY-MM-DD`) and `hour` (`HH`) of an instant, UTC."""
    instant = datetime.fromtimestamp(time_us // US_PER_SECOND, UTC)
    return f"{instant:%Y-%m-%d}", f"{instant:%H}"


def partition_folder(table: str, date: str, hour: str) -> str:
    """Returns the folder of a partition, as Hive and DuckDB want it."""
    return f"{table}/dt={date}/hour={hour}"


def newest_files(names: Iterable[str], topic: str, epoch: int) -> dict[int, str]:
    """Returns, per partition, the path of the file that starts last in this epoch."""
    newest: dict[int, tuple[int, str]] = {}
    for path in names:
        name = FileName.parse(path)
        if name and name.topic == topic and name.epoch == epoch:
            newest[name.partition] = max(newest.get(name.partition, (-1, "")), (name.start, path))
    return {partition: path for partition, (_, path) in newest.items()}


def day_of(path: str) -> str:
    """Returns the partition column `dt` of a file's path."""
    return path.split("/")[1].removeprefix("dt=")


def summary_name(table: str, date: str) -> str:
    """Returns the path of what is left of a table's day once that is retired."""
    return f"{_RETIRED}/{table}-{date}.parquet"


def summaries(files: ArchiveFiles, table: str) -> dict[str, str]:
    """Returns the paths of a table's summaries, by the day that each stands for."""
    found = {}
    for path in files.list(_RETIRED):
        match = _SUMMARY.fullmatch(path)
        if match and match["table"] == table:
            found[match["date"]] = path
    return found


@dataclass(frozen=True, slots=True)
class Epoch:
    """Since when offsets count. Number 0 is the time before any epoch file: every partition from offset 0."""

    number: int = 0
    starts: Mapping[int, int] = field(default_factory=dict)

    def start_of(self, partition: int) -> int:
        """Returns the first offset of the partition that belongs to this epoch."""
        return self.starts.get(partition, 0)


def read_epoch(files: ArchiveFiles, table: str) -> Epoch:
    """Returns the table's newest epoch. Raises ValueError for a file that is not an epoch."""
    names = files.list(f"{table}/_epochs")
    if not names:
        return Epoch()
    number, newest = max((int(name.rpartition("/")[2].removesuffix(".json")), name) for name in names)
    with files.open(newest) as source:
        starts = json.load(source)["partitions"]
    return Epoch(number, {int(partition): int(start) for partition, start in starts.items()})


def write_epoch(files: ArchiveFiles, table: str, epoch: Epoch) -> bool:
    """Begins an epoch; False if someone else has begun one of this number meanwhile."""
    text = json.dumps({"partitions": {str(partition): start for partition, start in sorted(epoch.starts.items())}})
    name = f"{table}/_epochs/{epoch.number:03d}.json"
    aside = files.write_aside(name, lambda sink: sink.write(text.encode()))
    published = files.publish(aside, name)
    if not published:
        files.discard(aside)
    return published
