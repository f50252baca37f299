"""How far each campaign is archived, as the archive's files say."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from marketplace.archive_layout import TABLE_OF_TOPIC, summaries
from marketplace.ports import USER_FEEDBACK, ArchiveFiles


class Marks:
    """The highest archived event_seq per campaign, over all files of `user_feedback`.

    Files never change, so each is read once in the life of a process.
    """

    def __init__(self, files: ArchiveFiles) -> None:
        self._files = files
        self._read: set[str] = set()
        self._highest: dict[str, int] = {}

    @property
    def highest(self) -> Mapping[str, int]:
        """Returns the marks; a campaign without events is not among them."""
        return self._highest

    def refresh(self, names: Iterable[str]) -> None:
        """Takes in the files that are new among these, and the summaries of days whose files are gone."""
        retired = summaries(self._files, TABLE_OF_TOPIC[USER_FEEDBACK])
        for name in (*names, *retired.values()):
            if name not in self._read:
                self.take(name, self._marks_of(name))

    def take(self, name: str, marks: Mapping[str, int]) -> None:
        """Takes in what one file holds."""
        for campaign_id, mark in marks.items():
            self._highest[campaign_id] = max(self._highest.get(campaign_id, 0), mark)
        self._read.add(name)

    def _marks_of(self, name: str) -> dict[str, int]:
        with self._files.open(name) as source:
            rows: pa.Table = pq.ParquetFile(source).read(["campaign_id", "event_seq"])
        marks = rows.group_by("campaign_id").aggregate([("event_seq", "max")])
        return {row["campaign_id"]: row["event_seq_max"] for row in marks.to_pylist()}
