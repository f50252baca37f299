"""Finds the archived events that a restored store lacks."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from marketplace.archive_layout import TABLE_OF_TOPIC
from marketplace.errors import FailedPrecondition
from marketplace.ports import USER_FEEDBACK, ArchiveFiles
from reporting.reconcile import Archived


@dataclass(frozen=True, slots=True)
class Lacking:
    """The files that hold events beyond the store's last ones, `known` by campaign; and how many events those are."""

    files: ArchiveFiles
    known: Mapping[str, int]
    names: tuple[str, ...]
    events: Mapping[str, int]

    def rows(self) -> Iterator[pa.Table]:
        """Yields the events' rows of `user_feedback`, file by file, in no order that campaigns could rely on."""
        for name in self.names:
            with self.files.open(name) as source:
                rows = pq.ParquetFile(source).read()
            yield rows.filter(pa.array(_beyond(rows, self.known)))


def find_lacking(files: ArchiveFiles, archived: Mapping[str, Archived], known: Mapping[str, int]) -> Lacking:
    """Looks through the archive's files for events above `known`, the last event_seq of each of the store's campaigns.

    Raises FailedPrecondition where the archive does not hold them whole: it names a campaign that the store does not
    know, has a gap or an event twice, or has retired what the store lacks.
    """
    for campaign_id, held in sorted(archived.items()):
        if campaign_id not in known:
            raise FailedPrecondition(
                f"campaign {campaign_id} is archived, but the store does not know it: the command that made it is not "
                "applied yet, or the command topic has lost it"
            )
        if not held.events == held.distinct == held.last_seq:
            raise FailedPrecondition(f"the archive does not hold campaign {campaign_id} whole; see what reconcile says")
    found: Counter[str] = Counter()
    names = []
    for name in files.list(TABLE_OF_TOPIC[USER_FEEDBACK]):
        if events := _count(files, name, known):
            names.append(name)
            found.update(events)
    for campaign_id, held in sorted(archived.items()):
        wanted = max(0, held.last_seq - known[campaign_id])
        if found[campaign_id] != wanted:
            raise FailedPrecondition(
                f"the store lacks {wanted:,} events of campaign {campaign_id}, the archive's files have "
                f"{found[campaign_id]:,} of them: the others are retired; restore a later backup"
            )
    return Lacking(files, known, tuple(names), dict(found))


def _count(files: ArchiveFiles, name: str, known: Mapping[str, int]) -> Counter[str]:
    with files.open(name) as source:
        rows = pq.ParquetFile(source).read(["campaign_id", "event_seq"])
    return Counter(map(str, rows.filter(pa.array(_beyond(rows, known)))["campaign_id"].to_pylist()))


def _beyond(rows: pa.Table, known: Mapping[str, int]) -> "npt.NDArray[np.bool_]":
    campaigns: Any = rows["campaign_id"].combine_chunks().dictionary_encode()
    last = np.array([known[name] for name in campaigns.dictionary.to_pylist()], np.int64)
    beyond: npt.NDArray[np.bool_] = rows["event_seq"].to_numpy() > last[campaigns.indices.to_numpy()]
    return beyond
