"""Who users are: age, gender, income bucket and internet usage, from Kaggle's Advertising data set."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from marketplace.datafiles import DataFileError, Skipped, csv_records, first_line
from simulator.users.cells import parse_age, parse_number

EXPECTED: Final = "Kaggle Advertising (CSV with the columns Age, Area Income, Daily Internet Usage, Male)"

_NEEDED: Final = ("age", "area income", "daily internet usage", "male")
_UNRELATED: Final = {"tv", "radio", "newspaper"}
_SEPARATORS: Final = (",", ";", "\t")
_GENDERS: Final = {"0": "F", "1": "M", "0.0": "F", "1.0": "M", "false": "F", "true": "M"}


@dataclass(frozen=True, slots=True)
class Demographics:
    """Age in years, gender F or M, internet usage in minutes a day, income bucket L, M or H."""

    age: int
    gender: str
    internet_usage: float
    income_bucket: str


class Person(NamedTuple):
    """A person before incomes are compared."""

    age: int
    gender: str
    internet_usage: float
    income: float


def is_advertising(header: str) -> bool:
    """Tells whether a file with this header line is Kaggle's Advertising data set."""
    return _separator(header) is not None


def describe(header: str) -> str:
    """Says what was found in place of the data set."""
    unrelated = set(_names(header, ",")) >= _UNRELATED
    return f"the header '{header:.80}'" + (" of an unrelated data set that has the same name" if unrelated else "")


def load_advertising(path: Path, skipped: Skipped) -> list[Demographics]:
    """Reads the data set or an altered copy of it; date formats do not matter, dates are not read.

    Raises DataFileError for another file, as the unrelated one (TV, Radio, Newspaper) that often has the same name.
    """
    header = first_line(path)
    separator = _separator(header)
    if separator is None:
        raise DataFileError(f"{path}: expected {EXPECTED}, found {describe(header)}")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        people = list(_people(csv_records(file, path, separator), skipped))
    if not people:
        raise DataFileError(f"{path}: no usable row; expected {EXPECTED}")
    return with_income_buckets(people)


def with_income_buckets(people: Sequence[Person]) -> list[Demographics]:
    """Replaces incomes by buckets: L, M and H are a third of the people each; equal incomes share a bucket."""
    incomes = sorted(person.income for person in people)
    thirds = (incomes[len(incomes) // 3], incomes[len(incomes) * 2 // 3])
    return [
        Demographics(person.age, person.gender, person.internet_usage, "LMH"[bisect_right(thirds, person.income)])
        for person in people
    ]


def _people(records: Iterable[tuple[int, list[str]]], skipped: Skipped) -> Iterator[Person]:
    rows = (row for _, row in records if any(cell.strip() for cell in row))
    names = [name.strip().casefold() for name in next(rows)]
    places = [names.index(name) for name in _NEEDED]
    for row in rows:
        if len(row) <= max(places):
            skipped.add("rows with too few columns")
            continue
        age_cell, income_cell, usage_cell, male_cell = (row[place].strip() for place in places)
        age, income, usage = parse_age(age_cell), parse_number(income_cell), parse_number(usage_cell)
        gender = _GENDERS.get(male_cell.casefold())
        if not age:
            skipped.add("rows without a usable Age")
        elif income is None or income < 0:
            skipped.add("rows without a usable Area Income")
        elif usage is None or usage < 0:
            skipped.add("rows without a usable Daily Internet Usage")
        elif gender is None:
            skipped.add("rows without a usable Male (0 or 1)")
        else:
            yield Person(age, gender, round(usage, 2), income)


def _names(header: str, separator: str) -> list[str]:
    return [name.strip(' "').casefold() for name in header.split(separator)]


def _separator(header: str) -> str | None:
    return next((mark for mark in _SEPARATORS if set(_NEEDED) <= set(_names(header, mark))), None)
