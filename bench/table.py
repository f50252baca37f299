"""The figures of a run: a table for people, and `var/bench.json` for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path("var/bench.json")
_WIDTH: Final = 150


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `floor` is what was measured for the same work without ours, in the same unit and run.

    `target` is the most that `ratio` may be, or `value` where there is no floor; `met` is None without a target.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None

    @classmethod
    def at_most(cls, name: str, value: float, unit: str, target: float) -> Self:
        """Makes a figure that must not be above the target."""
        return cls(name, value, unit, target=target, met=value <= target)

    @classmethod
    def at_least(cls, name: str, value: float, unit: str, target: float) -> Self:
        """Makes a figure that must not be below the target."""
        return cls(name, value, unit, target=target, met=value >= target)

    @classmethod
    def beside(cls, name: str, value: float, unit: str, floor: float, target: float | None = None) -> Self:
        """Makes a figure whose ratio to a floor must not be above the target."""
        ratio = value / floor
        return cls(name, value, unit, floor, ratio, target, None if target is None else ratio <= target)


def show(title: str, figures: Iterable[Figure], notes: Sequence[str] = ()) -> None:
    """Prints figures as a table, and notes under it."""
    table = Table("figure", title=title, title_justify="left", title_style="bold")
    for column in ("value", "floor", "ratio", "target"):
        table.add_column(column, justify="right")
    table.add_column("")
    for figure in figures:
        met = {True: "met", False: "MISSED", None: ""}[figure.met]
        of_ratio = figure.ratio is not None
        target = "" if figure.target is None else _number(figure.target) + ("x" if of_ratio else f" {figure.unit}")
        table.add_row(
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            "" if figure.floor is None else f"{_number(figure.floor)} {figure.unit}",
            "" if figure.ratio is None else f"{_number(figure.ratio)}x",
            target,
            met,
        )
    console = Console(width=_WIDTH)
    console.print(table)
    for note in notes:
        console.print(f"  {note}", highlight=False)


def keep(figures: Iterable[Figure], path: Path = RESULTS) -> None:
    """Puts figures into the results' file, in the place of those with the same name."""
    kept: dict[str, Any] = {}
    if path.exists():
        kept = {entry["name"]: entry for entry in json.loads(path.read_text())}
    kept |= {figure.name: asdict(figure) for figure in figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(kept.values()), indent=1) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
