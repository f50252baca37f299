"""An archive with the log and the writers that fill it, a day after the other."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from writer_cases import HOUR_US, Desk

from marketplace.ports import SERVED_ADS, USER_FEEDBACK
from marketplace.runtime.archive.open import Archive
from reporting.retention.days import RetiredDay, retire_days
from writer.batching import Limits

AFTER_ALL = date(2027, 1, 1)


@dataclass
class Shelf:
    """An archive with the log and the writers that fill it."""

    desk: Desk
    archive: Archive
    url: str
    seqs: Counter[str] = field(default_factory=Counter)

    def fill(self, days: int = 3, events: int = 12) -> None:
        """Archives so many events of a campaign, and two of another, on each of some days, in two hours of each."""
        for _ in range(days):
            self.land(events // 2)
            self.desk.now_us += 2 * HOUR_US
            self.land(events - events // 2)
            self.desk.now_us += 22 * HOUR_US

    def land(self, events: int) -> None:
        for campaign_id, count in (("c", events), ("d", 1)):
            start = self.seqs[campaign_id] + 1
            self.seqs[campaign_id] += count
            self.desk.publish(range(start, start + count), campaign_id)
        self.desk.publish_serves([[1, 2], [3]])
        writers = [self.desk.writer(topic, Limits(max_records=4, max_age_s=0)) for topic in (USER_FEEDBACK, SERVED_ADS)]
        for writer in writers:
            while self.desk.end(writer._landing.topic) < self.desk.log.bounds(writer._landing.topic)[0].end:
                writer.step()

    def retire(self, topic: str = USER_FEEDBACK, before: date = AFTER_ALL, **arguments: Any) -> list[RetiredDay]:
        return list(retire_days(self.archive, self.desk.log, topic, before, **arguments))

    def days(self, table: str = "user_feedback") -> list[str]:
        """Returns the days that have rows, as SQL sees them."""
        self.archive.catalog.create_tables()  # the desk's writers tell no catalog of partitions
        rows = self.archive.catalog.query(f"SELECT dt FROM {table} GROUP BY dt ORDER BY dt").rows  # noqa: S608
        return [str(day) for (day,) in rows]

    def files(self, day: str) -> list[str]:
        return [name for name in self.archive.files.list("user_feedback") if f"dt={day}" in name]
