"""Retires old days of the archive: each leaves a summary in the place of its files.

Steps of a day, with the same numbers in the code: 1 write the summary aside; 2 publish it by create-if-absent: from
here on it stands for the day, whether or not files are left; 3 make the day's partitions unknown; 4 remove the files
that the summary names. Killed after any of them, the next run goes on; nothing is counted twice, because whoever counts
leaves out the days that have a summary.

A day may go when the writer can never add to it any more: when it lies before the day of the newest file of every
partition. So those newest files, which are the writer's memory, stay.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby

from marketplace.archive_layout import (
    TABLE_OF_TOPIC,
    Epoch,
    day_of,
    newest_files,
    read_epoch,
    summaries,
    summary_name,
)
from marketplace.errors import FailedPrecondition
from marketplace.ports import ArchiveFiles, Bounds, Log
from marketplace.runtime.archive.open import Archive
from reporting.retention.sums import day_summary, summarized_files, write_summary


@dataclass(frozen=True, slots=True)
class RetiredDay:
    """A day that was taken away, or whose taking away was finished: so many files of it were removed.

    `strays` are files of the day that its summary does not stand for; they are left alone.
    """

    table: str
    date: str
    removed: int
    strays: int


def retire_days(
    archive: Archive, topics: Log, topic: str, before: date, after_step: Callable[[int], None] = lambda _: None
) -> Iterator[RetiredDay]:
    """Retires a topic's archived days before a date, oldest first, as far as the writer has left them behind.

    Raises FailedPrecondition where that cannot be told, Unavailable, OSError. Safe to repeat and to do twice at once.
    `after_step` is called with the number of each step done, for tests that kill the process there.
    """
    files, table = archive.files, TABLE_OF_TOPIC[topic]
    retired = summaries(files, table)
    for day, names in _by_day(files, table).items():
        if day in retired:
            yield _take_away(archive, table, day, retired[day], names, after_step)
    end = first_kept_day(files, topics.bounds(topic), topic)
    for day, names in _by_day(files, table).items():  # listed after `end` was fixed: below it nothing is added any more
        if day < before.isoformat() and (end is None or day < end) and day not in retired:
            summary = _summarize(files, table, day, names, after_step)
            yield _take_away(archive, table, day, summary, names, after_step)


def first_kept_day(files: ArchiveFiles, bounds: Mapping[int, Bounds], topic: str) -> str | None:
    """Returns the first day that a file may still be added to; None if no partition says. Raises FailedPrecondition."""
    table = TABLE_OF_TOPIC[topic]
    epoch = read_epoch(files, table)
    newest = newest_files(files.list(table), topic, epoch.number)
    _refuse_unread(topic, epoch, newest, bounds)
    return min(map(day_of, newest.values()), default=None)


def _refuse_unread(topic: str, epoch: Epoch, newest: Mapping[int, str], bounds: Mapping[int, Bounds]) -> None:
    for partition, held in sorted(bounds.items()):
        if partition not in newest and held.end > max(held.start, epoch.start_of(partition)):
            raise FailedPrecondition(
                f"{topic} partition {partition} holds records, but nothing of it is archived yet: "
                "which days it may still fill cannot be told; try again when the writer has landed them"
            )


def _by_day(files: ArchiveFiles, table: str) -> dict[str, list[str]]:
    names = sorted(files.list(table), key=day_of)
    return {day: list(group) for day, group in groupby(names, key=day_of)}


def _summarize(files: ArchiveFiles, table: str, day: str, names: list[str], after_step: Callable[[int], None]) -> str:
    summary = summary_name(table, day)
    rows = day_summary(files, table, day, names)
    aside = files.write_aside(summary, partial(write_summary, rows=rows, names=names))  # 1
    after_step(1)
    if not files.publish(aside, summary):  # 2
        files.discard(aside)  # another run was faster; what it has published counts
    after_step(2)
    return summary


def _take_away(
    archive: Archive, table: str, day: str, summary: str, names: list[str], after_step: Callable[[int], None]
) -> RetiredDay:
    stood_for = summarized_files(archive.files, summary)
    mine = [name for name in names if name in stood_for]
    if mine:
        archive.catalog.drop_partitions(table, day)  # 3
        after_step(3)
        for name in mine:
            archive.files.remove(name)  # 4
            after_step(4)
    return RetiredDay(table, day, len(mine), len(names) - len(mine))
