"""Which records of a topic partition form the next file."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from marketplace.archive_layout import Epoch
from marketplace.ports import Record

_US_PER_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a file is closed: at so many records or bytes of messages, or so many seconds after its first record."""

    max_records: int = 50_000
    max_bytes: int = 16 << 20
    max_age_s: float = 10.0


@dataclass(slots=True)
class Batch:
    """One contiguous range of one partition in one hour of the log's clock: the hour of its first record.

    A record of a later hour closes it. One of an earlier hour (the log's clock was set back) does not: the folder is
    only where the file lies, reports go by the event's own time. `start` is the offset where the range begins.
    """

    start: int
    opened_s: float = 0.0
    size_bytes: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Returns the offset behind the range."""
        return self.records[-1].offset + 1 if self.records else self.start

    @property
    def time_us(self) -> int:
        """Returns the log's time of the first record, in microseconds since the epoch."""
        return self.records[0].time_us

    def takes(self, record: Record, limits: Limits) -> bool:
        """Tells whether the record, the next of its partition, belongs into this file."""
        if not self.records:
            return True
        return (
            len(self.records) < limits.max_records
            and self.size_bytes + len(record.value) <= limits.max_bytes
            and record.time_us // _US_PER_HOUR <= self.time_us // _US_PER_HOUR
        )

    def add(self, record: Record, now_s: float) -> None:
        """Takes a record in, at an instant of a clock that only runs forward."""
        if not self.records:
            self.opened_s = now_s
        self.records.append(record)
        self.size_bytes += len(record.value)

    def due(self, now_s: float, limits: Limits) -> bool:
        """Tells whether the file is to be written although no record has closed it."""
        if not self.records:
            return False
        return (
            len(self.records) >= limits.max_records
            or self.size_bytes >= limits.max_bytes
            or now_s - self.opened_s >= limits.max_age_s
        )


@dataclass(slots=True)
class Lane:
    """One partition that is ours: the file being filled, and records behind it that it did not take."""

    epoch: Epoch
    batch: Batch
    waiting: deque[Record] = field(default_factory=deque)

    @property
    def read_to(self) -> int:
        """Returns the offset behind all that was read."""
        return self.waiting[-1].offset + 1 if self.waiting else self.batch.end

    def fill(self, now_s: float, limits: Limits) -> None:
        """Moves what fits into the file; if anything is left waiting, the file is closed."""
        while self.waiting and self.batch.takes(self.waiting[0], limits):
            self.batch.add(self.waiting.popleft(), now_s)
