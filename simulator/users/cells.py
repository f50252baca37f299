"""Reading numbers from cells that people and spreadsheets have written."""

import math
from typing import Final

_OLDEST: Final = 120


def parse_number(cell: str) -> float | None:
    """Returns the number in a cell, or None where there is no finite one."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_age(cell: str) -> int | None:
    """Returns the age in whole years (`35` and `35.0` alike), or None where it cannot be a person's."""
    value = parse_number(cell)
    return int(value) if value is not None and 0 <= value <= _OLDEST else None
