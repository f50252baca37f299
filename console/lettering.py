"""The fonts of printed pages, and what becomes of characters that none of them has."""

import re
import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF

PLAIN: Final = "DejaVu"
SOFT: Final = (95, 102, 114)
INK: Final = (20, 24, 31)
BAD: Final = (176, 0, 32)
MARK: Final = "[\u2026]"
"""What stands for characters that cannot be printed."""

_SHAPED: Final = re.compile("[\u0590-\u1cff\ua8e0-\uabff\ufb1d-\ufefc]")  # Hebrew to the scripts of India and beyond
_UNSEEN: Final = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff")
_VIRAMA: Final = 9


class Sheet(FPDF):
    """An A4 page with its number at the foot."""

    def footer(self) -> None:
        """Writes the number of the page."""
        self.set_y(-14)
        self.set_font(PLAIN, size=8)
        self.set_text_color(*SOFT)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")


def add_fonts(page: FPDF) -> None:
    """Makes the fonts known to a document; only the glyphs that are used go into its file."""
    for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        page.add_font(PLAIN, style, _dejavu() / name)
    for path in _scripts():
        page.add_font(path.stem, "", path)
    page.set_fallback_fonts([PLAIN, *(path.stem for path in _scripts())], exact_match=False)


def write_cell(page: FPDF, width: float, height: float, text: str, border: str = "", side: str = "L") -> None:
    """Writes a text of any script into a cell, smaller where it is too long for it. Raises nothing for any text."""
    if text.isascii() and page.get_string_width(text) <= width - 2 * page.c_margin:
        page.cell(width, height, text, border=border, align=side)
        return
    family, style, size = page.font_family, page.font_style, page.font_size_pt
    page.set_text_shaping(_SHAPED.search(text) is not None)
    if own := _font_of(text):
        page.set_font(own, size=size)
    room, needed = width - 2 * page.c_margin, page.get_string_width(text)
    if needed > room:
        page.set_font_size(size * room / needed)
    page.cell(width, height, text, border=border, align=side)
    page.set_text_shaping(False)
    page.set_font(family, style, size)


def printable(text: str) -> str:
    """Returns a text in one line with a mark for what no font has."""
    text = " ".join(text.split())
    if text.isascii():
        return "".join(sign for sign in text if sign.isprintable())
    known = _coverage()
    found: list[str] = []
    for sign in text:
        if sign in _UNSEEN:
            if found and found[-1] != MARK:
                found.append(sign)
        elif ord(sign) in known and not (found and found[-1] == MARK and unicodedata.combining(sign)):
            found.append(sign)
        elif not found or found[-1] != MARK:
            found.append(MARK)
    return "".join(found)


def cut(text: str, limit: int) -> str:
    """Returns the beginning of a text, at most `limit` characters; never parts what is written as one sign."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 1 and _joined(text[end - 1], text[end]):
        end -= 1
    return f"{text[:end].rstrip()}\u2026"


def _joined(before: str, after: str) -> bool:
    return (
        unicodedata.category(after).startswith("M")
        or "\u200d" in (before, after)
        or unicodedata.combining(before) == _VIRAMA
    )


def _font_of(text: str) -> str | None:
    """Returns the font of the text's script, so that joiners and spaces do not part what is shaped together."""
    for sign in text:
        if ord(sign) not in _characters(_dejavu() / "DejaVuSans.ttf"):
            for path in _scripts():
                if ord(sign) in _characters(path):
                    return path.stem
    return None


@lru_cache(maxsize=1)
def _coverage() -> frozenset[int]:
    return frozenset().union(*map(_characters, (_dejavu() / "DejaVuSans.ttf", *_scripts())))


@lru_cache(maxsize=32)
def _characters(path: Path) -> frozenset[int]:
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=1)
def _scripts() -> tuple[Path, ...]:
    """Returns the fonts that ship with the console; Devanagari, the commonest here, comes first."""
    found = Path(__file__).with_name("fonts").glob("*.ttf")
    return tuple(sorted(found, key=lambda path: ("Devanagari" not in path.stem, path.stem)))


@lru_cache(maxsize=1)
def _dejavu() -> Path:
    """Returns the folder of the fonts that matplotlib comes with; matplotlib itself is not loaded."""
    found = find_spec("matplotlib")
    assert found and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
