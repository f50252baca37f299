"""The archive in memory. See `marketplace.ports`: a name is given once, what is published stays.

Events lie in it as they are: rows and Parquet would take most of a run's time. Some runs write Parquet all the same.
"""

import errno
import io
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, cast

from baton import Actor
from world import World

from writer.marks import Marks


class Rows(list[Any]):
    """Stands in for a table of the events or serves of a file."""

    def __init__(self, items: Iterable[Any] = (), conceal: object = None) -> None:
        super().__init__(items)

    @property
    def num_rows(self) -> int:
        return len(self)


class Sink(io.BytesIO):
    """An open file that can also be handed rows, with the end of their range."""

    rows: Rows | None = None
    end: int | None = None


class MemoryFiles:
    """See `ports.ArchiveFiles`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.published: dict[str, Sink] = {}
        self.aside: dict[str, tuple[Actor, Sink]] = {}
        self._count = 0

    def list(self, prefix: str) -> list[str]:
        def names() -> Iterable[str]:
            return (name for name in self.published if name.startswith(prefix + "/"))

        found = self._world.call("list files", names, _io_error)
        return sorted(name for name in found if "/_" not in name.removeprefix(prefix))

    def write_aside(self, name: str, write: Callable[[BinaryIO], object]) -> str:
        sink = Sink()
        write(cast(BinaryIO, sink))
        self._count += 1
        folder, _, last = name.rpartition("/")
        aside = f"{folder}/_aside-{self._count}-{last}"

        def keep() -> str:
            self.aside[aside] = (self._world.scheduler.current, sink)
            return aside

        return self._world.call("write aside", keep, _io_error)

    def publish(self, aside: str, name: str) -> bool:
        return self._world.call(f"publish {name.rpartition('/')[2]}", lambda: self._publish(aside, name), _io_error)

    def _publish(self, aside: str, name: str) -> bool:
        if name in self.published:
            return False
        self.published[name] = self.aside.pop(aside)[1]
        return True

    def replace(self, aside: str, name: str) -> None:
        self._world.scheduler.step(f"replace {name}")
        self.published[name] = self.aside.pop(aside)[1]

    def discard(self, aside: str) -> None:
        self._world.scheduler.step("discard")
        self.aside.pop(aside, None)

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, io.BytesIO(self.opened(name).getvalue()))

    def remove(self, name: str) -> None:
        self._world.scheduler.step(f"remove {name}")
        self.published.pop(name, None)

    def sweep(self, prefix: str, older_than_s: float) -> int:
        self._world.scheduler.step("sweep")
        left = [name for name, (owner, _) in self.aside.items() if owner.ended]
        for name in left:
            del self.aside[name]
        return len(left)

    def opened(self, name: str) -> Sink:
        """Opens a published file."""
        return self._world.call("open file", lambda: self.published[name], _io_error)


class NoCatalog:
    """See `ports.ArchiveCatalog`, as far as the writer uses it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_partition(self, table: str, date: str, hour: str) -> None:
        self._world.call("add partition", lambda: None, _io_error)


def rows_writer(rows: Rows, end: int | None = None) -> Callable[[BinaryIO], None]:
    """Stands in for `parquet_writer`."""

    def write(sink: BinaryIO) -> None:
        kept = cast(Sink, sink)
        kept.rows, kept.end = rows, end

    return write


def rows_end(files: MemoryFiles, name: str) -> int:
    """Stands in for `read_end`."""
    end = files.opened(name).end
    assert end is not None
    return end


def rows_marks(marks: Marks, name: str) -> dict[str, int]:
    """Stands in for what `Marks` reads of a file."""
    files = cast(MemoryFiles, marks._files)
    return {event.serve.winner.campaign_id: event.event_seq for event in files.opened(name).rows or ()}


def _io_error() -> OSError:
    return OSError(errno.EIO, "Input/output error")
