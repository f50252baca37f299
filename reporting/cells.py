"""The cells of a table: what kind each column is, read from query results and written for people or machines.

Money is nanos, rates are fractions (0.05 = 5 %). None: not known, or a rate of nothing.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from typing import Final

from marketplace.money import NANOS_PER_UNIT, format_nanos, to_decimal

Cell = str | int | float | None
NOTHING: Final = "–"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    CODE = auto()
    COUNT = auto()
    MONEY = auto()
    RATE = auto()

    @property
    def is_number(self) -> bool:
        """Tells whether the column is set flush right."""
        return self in (Kind.COUNT, Kind.MONEY, Kind.RATE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` in SQL and CSV, `title` for people, and words for the codes it may hold."""

    name: str
    title: str
    kind: Kind
    words: Mapping[str, str] = field(default_factory=dict)


def to_nanos(amount: object) -> int:
    """Reads an amount that a query answered. Raises ValueError if it has more than nine decimals."""
    nanos = Decimal(str(amount)) * NANOS_PER_UNIT
    if nanos != nanos.to_integral_value():
        raise ValueError(f"{amount} has more than 9 decimals")
    return int(nanos)


def read_cell(value: object, kind: Kind) -> Cell:
    """Reads one value of a query's answer, whichever reader of the archive gave it."""
    if value is None:
        return None
    if kind is Kind.MONEY:
        return to_nanos(value)
    if kind is Kind.COUNT:
        return int(str(value))
    return float(str(value)) if kind is Kind.RATE else str(value)


def for_people(values: Sequence[Cell], column: Column) -> list[str]:
    """Writes a whole column for people; amounts exactly, with as many decimals as the longest of them needs."""
    if column.kind is Kind.MONEY:
        decimals = money_decimals(value for value in values if isinstance(value, int))
        return [NOTHING if value is None else format_nanos(int(value), decimals) for value in values]
    return [_word(value, column) for value in values]


def money_decimals(amounts: Iterable[int]) -> int:
    """Returns how many decimals show all of these nanos without rounding, at least 2."""
    return max([2, *(len(f"{abs(nanos) % NANOS_PER_UNIT:09d}".rstrip("0")) for nanos in amounts)])


def _word(value: Cell, column: Column) -> str:
    if value is None:
        return NOTHING
    if column.kind is Kind.RATE:
        return f"{value:.2%}"
    if column.kind is Kind.COUNT:
        return f"{value:,}"
    return visible(column.words.get(str(value), str(value)))


def visible(text: str) -> str:
    """Returns a name that others wrote with its control characters blanked: no terminal or page obeys them."""
    return "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)


def for_machines(value: Cell, kind: Kind) -> str:
    """Writes a cell of a CSV file: plain numbers, amounts with nine decimals.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    if value is None:
        return ""
    if kind is Kind.MONEY:
        return str(to_decimal(int(value))) if value else "0.000000000"
    text = str(value)
    return f"'{text}" if kind in (Kind.TEXT, Kind.CODE) and text.startswith(_FORMULA_STARTS) else text
