"""The bill and the reports as CSV files: UTF-8, a header line, plain numbers."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from reporting.bill import BILL_COLUMNS
from reporting.cells import Cell, Column, Kind, for_machines
from reporting.statement import Statement

_TOTAL_COLUMNS = tuple(column for column in BILL_COLUMNS if column.kind.is_number)


def write_csv_files(statement: Statement, folder: Path) -> list[Path]:
    """Writes one file per report, `bill.csv` and `bill_total.csv` into the folder, and returns their paths.

    `bill_total.csv` also holds the period (UTC, empty where open), its time zone and the currency.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for result in statement.reports:
        path = folder / f"{result.report.key}.csv"
        _write(path, result.report.columns, result.rows)
        written.append(path)
    bill = statement.bill
    _write(folder / "bill.csv", BILL_COLUMNS, (line.cells() for line in bill.lines))
    _write_total(folder / "bill_total.csv", statement)
    return [*written, folder / "bill.csv", folder / "bill_total.csv"]


def _write(path: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in columns])
        for row in rows:
            writer.writerow([for_machines(value, column.kind) for value, column in zip(row, columns, strict=True)])


def _write_total(path: Path, statement: Statement) -> None:
    period = statement.period
    about = {
        "period_start": period.start.isoformat() if period.start else None,
        "period_end": period.end.isoformat() if period.end else None,
        "time_zone": str(period.time_zone),
        "currency": statement.currency,
        "campaigns": len(statement.bill.lines),
    }
    columns = [*(Column(name, name, Kind.TEXT) for name in about), *_TOTAL_COLUMNS]
    total = dict(zip((column.name for column in BILL_COLUMNS), statement.bill.total.cells(), strict=True))
    _write(path, columns, [[*about.values(), *(total[column.name] for column in _TOTAL_COLUMNS)]])
