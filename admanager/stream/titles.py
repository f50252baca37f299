"""Product titles from the Amazon advertisements data set (Kaggle sachsene/amazons-advertisements)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marketplace.datafiles import DataFileError, Progress, Skipped, csv_records

EXPECTED: Final = "the folder amazons-advertisements (CSV files with one column, ad)"

_HEADERS: Final = frozenset({"ad", "a"})
_ROOT: Final = "scrapped_data"
_LONGEST_TITLE: Final = 500
_SHORTEST_KEYWORD: Final = 4
_CATEGORIES: Final = {
    "arts": "Arts & Crafts",
    "automotive": "Tools & Hardware",
    "baby": "Clothing & Accessories",
    "beauty": "Clothing & Accessories",
    "boy": "Clothing & Accessories",
    "computers": "Computer",
    "electronics": "Electronics",
    "girl": "Clothing & Accessories",
    "health": "Sports & Fitness",
    "home": "Home & Kitchen",
    "industrial": "Tools & Hardware",
    "luggage": "Home & Kitchen",
    "men": "Clothing & Accessories",
    "pets": "Home & Kitchen",
    "smart": "Home & Kitchen",
    "sports": "Sports & Fitness",
    "tools": "Tools & Hardware",
    "women": "Clothing & Accessories",
}
_OTHER: Final = "Other"


@dataclass(frozen=True, slots=True)
class Title:
    """What an advertisement says, with its category and its keywords (a comma list)."""

    text: str
    category: str
    keywords: str


def load_titles(folder: Path, skipped: Skipped, progress: Progress | None = None) -> list[Title]:
    """Reads the titles of every file below a folder (or of one file), each text once, white space made single spaces.

    Category and keywords come from the names of folder and file. Raises DataFileError where there is no title.
    """
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.csv"))
    titles: dict[str, Title] = {}
    for done, path in enumerate(paths, start=1):
        category, keywords = _classify(path.relative_to(folder) if path != folder else Path(path.name))
        for text in _texts(path, skipped):
            if text in titles:
                skipped.add("titles that are there twice")
            else:
                titles[text] = Title(text, category, keywords)
        if progress:
            progress(done, len(paths))
    if not titles:
        raise DataFileError(f"{folder}: no title found; expected {EXPECTED}")
    return list(titles.values())


def _texts(path: Path, skipped: Skipped) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        # A title with commas but without quotation marks comes as several cells.
        texts = (" ".join(",".join(cells).split()) for _, cells in csv_records(file, path))
        if next(texts, "").casefold() not in _HEADERS:
            skipped.add("CSV files without the header ad")
            return
        for text in texts:
            if not text:
                skipped.add("blank records")
            elif text.casefold() in _HEADERS:
                skipped.add("repeated header lines")
            elif len(text) > _LONGEST_TITLE:
                skipped.add(f"records longer than {_LONGEST_TITLE} characters (many titles run together)")
            else:
                yield text


def _classify(path: Path) -> tuple[str, str]:
    """Returns category and keywords: `pets/amazon_pets_birds.csv` is Home & Kitchen with `pets,birds`."""
    parts = path.with_suffix("").parts
    if _ROOT in parts:
        parts = parts[len(parts) - parts[::-1].index(_ROOT) :]
    words = [word for word in re.split(r"[\W_]+", parts[-1].casefold()) if word not in ("", "amazon")]
    first = words if len(parts) == 1 else re.split(r"[\W_]+", parts[0].casefold())
    keywords = dict.fromkeys(word for word in words if len(word) >= _SHORTEST_KEYWORD)
    return _CATEGORIES.get(first[0] if first else "", _OTHER), ",".join(keywords or words)
