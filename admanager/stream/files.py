"""Command files: CSV in the real stream's form, or JSON lines with the same fields."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from admanager.stream.command import Fields, StreamCommand, with_ranges
from marketplace.datafiles import PROGRESS_EVERY, DataFileError, Progress, csv_records, first_line, write_whole

EXPECTED: Final = "a command file (CSV with the columns campaign_id, action, ..., or one JSON object per line)"

_NEEDED: Final = frozenset({"campaign_id", "action"})
_LONGEST_LINE: Final = 1 << 20


def read_commands(path: Path) -> Iterator[StreamCommand]:
    """Yields the commands of a file in their order; which kind it is, is seen from its first line.

    A CSV record with another number of cells than the header has, and a line that is no JSON object, come as raw bytes.
    Raises DataFileError: at once for a file of another kind; later for text that is not UTF-8, or without line ends.
    """
    header = first_line(path)
    if header.lstrip().startswith("{"):
        return _read_json_lines(path)
    names = {name.strip(' "') for name in header.split(",")}
    if not names >= _NEEDED:
        raise DataFileError(f"{path}: expected {EXPECTED}, found the line '{header:.80}'")
    return _read_csv(path)


def write_jsonl(path: Path, commands: Iterable[Fields], progress: Progress | None = None) -> int:
    """Writes one JSON object per line to a file that appears only when it is complete; returns their number."""
    written = 0
    with write_whole(path) as file:
        for written, command in enumerate(commands, start=1):
            file.write(json.dumps(command, ensure_ascii=False, separators=(",", ":")) + "\n")
            if progress and written % PROGRESS_EVERY == 0:
                progress(written, None)
    if progress:
        progress(written, written)
    return written


def _read_csv(path: Path) -> Iterator[StreamCommand]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = ((line, cells) for line, cells in csv_records(file, path) if any(cells))
        names = [name.strip() for name in next(records)[1]]
        for line, cells in records:
            if len(cells) == len(names):
                yield StreamCommand(line, with_ranges(dict(zip(names, cells, strict=True))))
            else:
                yield StreamCommand(line, None, _csv_text(cells))


def _csv_text(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode()


def _read_json_lines(path: Path) -> Iterator[StreamCommand]:
    with path.open("rb") as file:
        for line_no, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
            if len(line) > _LONGEST_LINE:
                raise DataFileError(f"{path}, line {line_no}: is longer than {_LONGEST_LINE:,} bytes")
            raw = line.removeprefix(b"\xef\xbb\xbf").strip()
            if raw:
                yield StreamCommand(line_no, _json_object(raw), raw)


def _json_object(raw: bytes) -> dict[str, object] | None:
    try:
        # A number with a fraction is kept as its text, exactly; a command may say either.
        value = json.loads(raw.decode(), parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return with_ranges(value) if isinstance(value, dict) else None
