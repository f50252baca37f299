"""What the services ask of a log (topics) and of an archive. Each docstring states the guarantee.

Adapters: `marketplace.runtime.log` and `marketplace.runtime.archive`. Stores are asked in each service's own words, so
their ports stand there. Every call has a deadline; a dependency that does not answer raises `errors.Unavailable`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias

COMMANDS = "campaign-commands"
REJECTED_COMMANDS = "campaign-commands-rejected"
USER_FEEDBACK = "user-feedback"
SERVED_ADS = "served-ads"

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
"""What a message says of itself beside its value, such as the trace that it belongs to; nothing depends on it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a producer sends. Messages of one key keep their order."""

    key: bytes | None
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A message in its place on a topic partition; `time_us` is the log's own clock (microseconds, UTC)."""

    topic: str
    partition: int
    offset: int
    time_us: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offsets that a partition holds: [start, end)."""

    start: int
    end: int


class Publisher(Protocol):
    """Sends messages durably."""

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Returns when every message is durable, in order per key.

        At least once: on `Unavailable` any part of them may be there, and all are to be sent again. Safe to repeat
        because consumers know what they have seen: command positions, event_seq, file names.
        """

    def close(self) -> None:
        """Flushes and lets go of the log."""


class Assignment(Protocol):
    """How a consumer learns which partitions are its own."""

    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        """Answers where to read on, per partition. `committed` lacks partitions that no one has committed yet."""

    def revoked(self, partitions: Iterable[int]) -> None:
        """Lets go of partitions: what was read of them and is not durable yet belongs to someone else now."""


class Consumer(Protocol):
    """One member of a group that reads one topic.

    At least once: after a crash or a rebalance records come again from the position that `Assignment` answers. Two
    members may hold one partition for a moment; whoever makes a position durable must check it there.
    """

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Returns the next records in offset order per partition, or none after the time-out."""

    def seek(self, partition: int, offset: int) -> None:
        """Reads on from there."""

    def commit(self, positions: Mapping[int, int]) -> None:
        """Keeps the next offset to read, per partition. A hint for humans and restarts, never the only truth."""

    def close(self) -> None:
        """Leaves the group."""


class Log(Protocol):
    """The topics."""

    def create_topics(self) -> None:
        """Creates the platform's topics where they are missing. Safe for several processes at once."""

    def publisher(self) -> Publisher:
        """Opens a publisher."""

    def consumer(self, topic: str, group: str, assignment: Assignment) -> Consumer:
        """Joins a group."""

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """Returns each partition's bounds."""

    def read(self, topic: str, partition: int, bounds: Bounds) -> Iterable[Record]:
        """Reads a range without joining a group."""

    def close(self) -> None:
        """Lets go of the log."""


class ArchiveFiles(Protocol):
    """The few file operations that the archive needs; names are relative, with `/` between folders."""

    def list(self, prefix: str) -> list[str]:
        """Returns the published files below a folder, sorted; names that begin with `_` or `.` are not published."""

    def write_aside(self, name: str, write: Callable[[BinaryIO], object]) -> str:
        """Writes a file beside `name` under a name that readers ignore, makes it durable, returns that name."""

    def publish(self, aside: str, name: str) -> bool:
        """Gives a file its final name, atomically and only if that name is free; False if it is taken."""

    def replace(self, aside: str, name: str) -> None:
        """Gives a file its final name, atomically, in place of what was there."""

    def discard(self, aside: str) -> None:
        """Removes a file that was written aside."""

    def open(self, name: str) -> BinaryIO:
        """Opens a published file for reading, seekable."""

    def remove(self, name: str) -> None:
        """Removes a published file for good; harmless when it is gone already."""

    def sweep(self, prefix: str, older_than_s: float) -> int:
        """Removes what dead processes of this machine have left aside below a folder; returns how many."""


@dataclass(frozen=True, slots=True)
class ResultTable:
    """What a query answers: column names and rows; money as Decimal, times as naive UTC datetimes."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]


class ArchiveCatalog(Protocol):
    """The archive's tables for SQL: `user_feedback`, `served_ads`, `ads`, and `retired`, what is left of days gone."""

    def create_tables(self) -> None:
        """Creates the tables where they are missing."""

    def add_partition(self, table: str, date: str, hour: str) -> None:
        """Makes a partition known; harmless when it is known already or empty."""

    def drop_partitions(self, table: str, date: str) -> None:
        """Makes the partitions of a day unknown; their files stay. Harmless when none is known."""

    def execute(self, sql: str) -> None:
        """Runs a statement for the rest of this session (such as CREATE TEMPORARY TABLE)."""

    def query(self, sql: str) -> ResultTable:
        """Runs one SELECT. The statement must be in the common tongue of DuckDB and Hive."""

    def close(self) -> None:
        """Ends the session."""
