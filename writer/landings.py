"""What differs between the two topics that are archived: how records become rows, and what must not come twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import pyarrow as pa
import structlog

from marketplace.ports import SERVED_ADS, USER_FEEDBACK, ArchiveFiles, Record
from marketplace.wire import decode_event, decode_served_batch
from writer.marks import Marks
from writer.rows import feedback_table, served_table
from writer.sequence import keep_new
from writer.user_ids import Conceal, plain

log = structlog.get_logger()
Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rows of one file, and how far its campaigns are archived once it is published."""

    rows: pa.Table
    marks: Mapping[str, int] = field(default_factory=dict)


class Landing(Protocol):
    """One topic's way into the archive."""

    topic: str

    def refresh(self, names: Iterable[str]) -> None:
        """Learns what the table's files hold."""

    def prepare(self, records: Sequence[Record]) -> Prepared:
        """Returns the rows of one file: those of the records that the archive does not have."""

    def landed(self, name: str, prepared: Prepared) -> None:
        """Learns that a file is published."""


class FeedbackLanding:
    """`user-feedback`: exactly once per campaign and event_seq, whatever the topic repeats. Raises SequenceGap."""

    topic = USER_FEEDBACK

    def __init__(self, files: ArchiveFiles, conceal: Conceal = plain) -> None:
        self._marks = Marks(files)
        self._conceal = conceal

    def refresh(self, names: Iterable[str]) -> None:
        """Learns how far each campaign is archived."""
        self._marks.refresh(names)

    def prepare(self, records: Sequence[Record]) -> Prepared:
        """Returns the events above their campaign's mark."""
        kept, marks = keep_new(_decoded(records, decode_event), self._marks.highest)
        return Prepared(feedback_table(kept, self._conceal), marks)

    def landed(self, name: str, prepared: Prepared) -> None:
        """Raises the marks."""
        self._marks.take(name, prepared.marks)


class ServedLanding:
    """`served-ads`: each message once, by its position alone; a message is a batch of serves."""

    topic = SERVED_ADS

    def __init__(self, conceal: Conceal = plain) -> None:
        self._conceal = conceal

    def refresh(self, names: Iterable[str]) -> None:
        """Does nothing: the position says it all."""

    def prepare(self, records: Sequence[Record]) -> Prepared:
        """Returns every serve."""
        serves = [serve for _, batch in _decoded(records, decode_served_batch) for serve in batch]
        return Prepared(served_table(serves, self._conceal))

    def landed(self, name: str, prepared: Prepared) -> None:
        """Does nothing."""


def _decoded(records: Iterable[Record], decode: Callable[[bytes], Decoded]) -> Iterator[tuple[Record, Decoded]]:
    """Leaves out, and logs, what is none of our messages. If it was an event after all, the next one shows the gap."""
    for record in records:
        try:
            message = decode(record.value)
        except Exception as problem:  # whatever the bytes are, they must not stop the partition
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            log.error("a record is not one of our messages, skipped", **where, problem=str(problem))
            continue
        yield record, message
