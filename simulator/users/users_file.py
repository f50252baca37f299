"""The users file: fourteen columns with a header line, `|` between fields; read and written row by row."""

import csv
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final

from marketplace.campaign import PRIVACY_USER_ID
from marketplace.datafiles import PROGRESS_EVERY, DataFileError, Progress, Skipped, csv_records, first_line, write_whole
from simulator.users.cells import parse_age, parse_number
from simulator.users.user import COLUMNS, User

EXPECTED: Final = f"a users file (header {'|'.join(COLUMNS[:5])}|...)"

_NEEDED: Final = frozenset({"id", "age", "gender", "income_bucket"})


def is_users_file(header: str) -> bool:
    """Tells whether a file with this header line is a users file."""
    return set(_names(header.split("|"))) >= _NEEDED


def read_users_file(path: Path, skipped: Skipped) -> Iterator[User]:
    """Yields the users of a file; columns in any order, absent ones empty. Raises DataFileError for another file."""
    header = first_line(path)
    if not is_users_file(header):
        raise DataFileError(f"{path}: expected {EXPECTED}, found the header '{header:.80}'")
    return _read(path, skipped)


def write_users_file(path: Path, users: Iterable[User], progress: Progress | None = None) -> int:
    """Writes a users file, which appears only when it is complete; returns the number of users."""
    row_of = attrgetter(*COLUMNS)
    count = 0
    with write_whole(path) as file:
        writer = csv.writer(file, delimiter="|", lineterminator="\n")
        writer.writerow(COLUMNS)
        for count, user in enumerate(users, start=1):
            writer.writerow(row_of(user))
            if progress and count % PROGRESS_EVERY == 0:
                progress(count, None)
    if progress:
        progress(count, count)
    return count


def _read(path: Path, skipped: Skipped) -> Iterator[User]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = (row for _, row in csv_records(file, path, "|") if any(cell.strip() for cell in row))
        names = _names(next(rows))
        for row in rows:
            if len(row) != len(names):
                skipped.add("rows with more or fewer columns than the header")
            elif user := _user(dict(zip(names, row, strict=True)), skipped):
                yield user


def _user(cells: dict[str, str], skipped: Skipped) -> User | None:
    user_id, age = cells["id"].strip(), parse_age(cells["age"])
    gender, income = cells["gender"].strip()[:1].upper(), cells["income_bucket"].strip()[:1].upper()
    usage = parse_number(cells.get("internet_usage", ""))
    if not user_id or user_id == PRIVACY_USER_ID:
        skipped.add("rows without an id, or with the privacy id")
    elif age is None:
        skipped.add("rows without a usable age")
    elif gender not in ("F", "M"):
        skipped.add("rows without a usable gender (F or M)")
    elif income not in ("L", "M", "H"):
        skipped.add("rows without a usable income_bucket (L, M or H)")
    else:
        if usage is None:
            skipped.add("values of internet_usage that are not numbers (taken as 0)")
        texts = [cells.get(column, "").strip() for column in COLUMNS[5:]]
        return User(user_id, age, gender, usage or 0.0, income, *texts)
    return None


def _names(cells: Iterable[str]) -> list[str]:
    return [cell.strip(' "').casefold() for cell in cells]
