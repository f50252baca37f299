"""All ten reports and the bill over 10,000,000 archived feedback events: on DuckDB, and on Hive.

The archive is made once and kept in var/bench. REPORTS_ON=duckdb leaves Hive out.
"""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine
from bench.events import large_archive
from bench.table import Figure
from marketplace.runtime.archive.open import open_archive
from reporting.period import parse_period, parse_time_zone
from reporting.statement import make_statement
from stack.local import Hive, throwaway
from stack.local.together import archive_url

EVENTS: Final = 10_000_000
_FOLDER: Final = Path("var/bench")
_TARGET_S: Final = 6.0


def run() -> list[Figure]:
    """Measures; a minute more when the archive has to be made."""
    folder = (_FOLDER / f"archive-{EVENTS}").absolute()
    large_archive(folder, EVENTS)
    before = machine.cpu_seconds([os.getpid()])
    took_s = _report(folder.as_uri())
    figures = [
        Figure.at_most(f"ten reports and the bill, {EVENTS:,} events, DuckDB", took_s, "s", _TARGET_S),
        Figure("the same, processor time of all threads", machine.cpu_seconds([os.getpid()]) - before, "s"),
    ]
    if os.environ.get("REPORTS_ON") != "duckdb":
        with throwaway(Hive) as server:
            figures.append(Figure("the same, Hive", _report(archive_url(server.url(), folder)), "s"))
    return figures


def notes() -> Sequence[str]:
    """Says what is measured."""
    return ["from opening the archive to the last row, in a process that has read nothing yet"]


def _report(url: str) -> float:
    start_s = time.perf_counter()
    archive = open_archive(url)
    archive.catalog.create_tables()
    period = parse_period(None, None, parse_time_zone("UTC"))
    statement = make_statement(archive.catalog, period, currency="USD", made_at=datetime.now(UTC))
    took_s = time.perf_counter() - start_s
    archive.catalog.close()
    if sum(line.impressions for line in statement.bill.lines) < EVENTS // 2:
        raise RuntimeError("the bill lacks impressions")
    return took_s
