"""Data files that people hand us: saying clearly what is wrong with them, counting what is left out, writing safely."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

Progress = Callable[[int, int | None], None]
"""Called now and then with how many items are done, and of how many if that is known."""

PROGRESS_EVERY: Final = 10_000
_MAX_CELL_CHARS: Final = 1 << 20
_HEADER_BYTES: Final = 1 << 16


class DataFileError(ValueError):
    """A file is not what it was taken for; the message names the file and says what was expected."""


class Skipped:
    """Counts what a loader leaves out or mends, by kind; filled while the loader's result is consumed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, kind: str, count: int = 1) -> None:
        """Counts one more thing of a kind, such as `rows without a usable Age`."""
        self.counts[kind] += count

    def lines(self) -> list[str]:
        """Returns one line for people per kind: `skipped 3 rows without a usable Age`."""
        return [f"skipped {count:,} {kind}" for kind, count in self.counts.items()]


def first_line(path: Path) -> str:
    """Returns the first line that is not blank, without a byte order mark: usually the header.

    Raises DataFileError where there is none: no such file, a folder, an empty file, an archive still packed.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error.strerror})") from None
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise DataFileError(f"{path}: is a packed archive; unpack it first")
    for line in head.decode("utf-8-sig", errors="replace").splitlines():
        if line.strip():
            return line
    raise DataFileError(f"{path}: is empty")


def csv_records(lines: Iterable[str], path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yields the records of an open CSV file (opened with `newline=""`), each with the number of its first line.

    Raises DataFileError, naming the line, where the text is not UTF-8 or a cell has more than a million characters: a
    quotation mark was left open.
    """
    csv.field_size_limit(_MAX_CELL_CHARS)  # the default, 131,072, is less than real data sets have
    reader = csv.reader(lines, delimiter=delimiter)
    first = 1
    try:
        for record in reader:
            yield first, record
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataFileError(f"{path}, line {first}: is not proper CSV ({error})") from None
    except UnicodeDecodeError:
        raise DataFileError(f"{path}, line {first} or soon after: is not UTF-8") from None


@contextmanager
def write_whole(path: Path) -> Iterator[TextIO]:
    """Opens a UTF-8 text file (LF line ends) that appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
