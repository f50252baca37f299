"""What users like: the preferences and labels of the people in the ADS-16 data set (Kaggle groffo/ads16-dataset).

The folder is one of its parts or what holds both; of each person `Uxxxx-PREF.csv`, `-INF.csv` (gender), `-IM-POS.csv`
and `-IM-NEG.csv` are read, wherever they lie below it. Names, towns and the like are not kept.
"""

import io
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from marketplace.datafiles import DataFileError, Skipped, csv_records

EXPECTED: Final = "the ADS-16 folder (with Corpus/Corpus/U0001/U0001-PREF.csv and so on below it)"

_PREF_SUFFIX: Final = "-PREF.csv"
_PREF_COLUMNS: Final = (
    "most visited websites",
    "most watched movies",
    "most listened musics",
    "most watched tv programmes",
    "most read books",
)
_COMMA_OUTSIDE_PARENTHESES: Final = re.compile(r",\s*(?![^()]*\))")
_LABELS_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's favourites, each a comma list, and that person's gender: F, M or empty where it is not known."""

    gender: str
    websites: str
    movies: str
    music: str
    program: str
    books: str
    negatives: str
    positives: str


def is_ads16(folder: Path) -> bool:
    """Tells whether a folder holds people of ADS-16."""
    return folder.is_dir() and any(folder.rglob(f"U*{_PREF_SUFFIX}"))


def load_ads16(folder: Path, skipped: Skipped) -> list[Preferences]:
    """Reads the preferences of all people, in the order of their ids. Raises DataFileError for another folder."""
    if not is_ads16(folder):
        raise DataFileError(f"{folder}: expected {EXPECTED}")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob(f"U*{_PREF_SUFFIX}")):
        person = path.name.removesuffix(_PREF_SUFFIX)
        if person in found:
            skipped.add("people of ADS-16 that are there twice")
        found.setdefault(person, path)
    people = [_load_person(found[person], person, skipped) for person in sorted(found)]
    usable = [person for person in people if person is not None]
    if not usable:
        raise DataFileError(f"{folder}: no person with preferences; expected {EXPECTED}")
    return usable


def _load_person(pref_path: Path, person: str, skipped: Skipped) -> Preferences | None:
    named = _by_name(_rows(pref_path))
    websites, movies, music, program, books = (_items(named.get(column, "")) for column in _PREF_COLUMNS)
    if not any((websites, movies, music, program, books)):
        skipped.add("people of ADS-16 without preferences")
        return None
    gender = _by_name(_rows(pref_path.with_name(f"{person}-INF.csv"))).get("gender", "").upper()
    if gender not in ("F", "M"):
        skipped.add("genders of ADS-16 people that are not F or M (the person is kept)")
        gender = ""
    positives = _labels(_rows(pref_path.with_name(f"{person}-IM-POS.csv")))
    negatives = _labels(_rows(pref_path.with_name(f"{person}-IM-NEG.csv")))
    return Preferences(gender, websites, movies, music, program, books, negatives, positives)


def _rows(path: Path) -> list[list[str]]:
    """Returns the rows from the header on, cells trimmed; none for a missing file."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    # An unquoted `&amp;` would be cut in two at its own semicolon.
    lines = io.StringIO(text.replace("&amp;", "&"), newline="")
    return [[cell.strip() for cell in row] for _, row in csv_records(lines, path, ";")]


def _by_name(rows: list[list[str]]) -> dict[str, str]:
    """Returns the one data row by column name; names lose case and repeated space."""
    filled = [row for row in rows if any(row)]
    if len(filled) < 2:
        return {}
    return dict(zip((" ".join(name.split()).casefold() for name in filled[0]), filled[1], strict=False))


def _items(cell: str) -> str:
    return _comma_list(_COMMA_OUTSIDE_PARENTHESES.split(cell))


def _labels(rows: list[list[str]]) -> str:
    """Returns the labels of a person's pictures. The row of paths above them may name another user and is not read."""
    return _comma_list(next(islice(rows, _LABELS_ROW, None), []))


def _comma_list(items: list[str]) -> str:
    return ",".join(" ".join(item.split()) for item in items if item.strip())
