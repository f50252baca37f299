"""`report`: the bill and the ten reports on the terminal, as CSV files and as one HTML page."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import Field
from rich.console import Console

from marketplace.errors import InvalidArgument, Unavailable
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.settings import (
    ArchiveSettings,
    BadSettingError,
    CurrencySettings,
    LogSettings,
    StoreSettings,
    TimeZoneName,
    fail,
    parse_settings,
)
from marketplace.runtime.store.engine import open_engine
from reporting.csv_files import write_csv_files
from reporting.html import render_html
from reporting.period import parse_period, parse_time_zone
from reporting.queries import By
from reporting.reconcile_cli import reconcile
from reporting.statement import make_statement
from reporting.terminal import DEFAULT_ROWS, print_statement

PROGRAM: Final = "report"
HTML_NAME: Final = "report.html"
RECONCILIATION_NAME: Final = "reconciliation.json"


class ReportSettings(StoreSettings, LogSettings, ArchiveSettings, CurrencySettings):
    """Makes the bill and the ten reports from the archive; run `archive ads` before, for fresh budgets."""

    period_from: str | None = None
    """First day or moment, such as 2026-01-31 or 2026-01-31T12:00; default: from the beginning."""

    period_to: str | None = None
    """Day or moment to end before; default: no end."""

    billing_time_zone: TimeZoneName = "UTC"
    """Time zone of the period."""

    by: By = By.USER
    """Group reports 4 to 8 by the user as seen in the auction, or by the ad's targeting."""

    out: Path = Path("var/report")
    """Folder for report.html and the CSV files."""

    rows: int = Field(DEFAULT_ROWS, ge=1)
    """At most so many rows of each table on the terminal; the files have all."""

    reconcile: bool = True
    """Compare archive and ledger, and show it under the bill."""


def main() -> None:
    """Runs the program."""
    settings = parse_settings(ReportSettings, PROGRAM)
    try:
        code = run(settings)
    except (BadSettingError, InvalidArgument, Unavailable, OSError) as problem:
        fail(PROGRAM, problem)
    sys.exit(code)


def run(settings: ReportSettings) -> int:
    """Makes, prints and writes the statement; returns 1 where archive and ledger differ, else 0."""
    period = parse_period(settings.period_from, settings.period_to, parse_time_zone(settings.billing_time_zone))
    archive = open_archive(settings.archive_url)
    archive.catalog.create_tables()
    reconciliation = None
    if settings.reconcile:
        reconciliation = reconcile(open_engine(settings.store_url), open_topics(settings), archive)
    now = datetime.now(UTC)
    statement = make_statement(archive.catalog, period, currency=settings.currency, made_at=now, by=settings.by)
    settings.out.mkdir(parents=True, exist_ok=True)
    write_csv_files(statement, settings.out)
    if reconciliation:
        found = json.dumps(asdict(reconciliation), indent=1)
        (settings.out / RECONCILIATION_NAME).write_text(found, encoding="utf-8")
    page = settings.out / HTML_NAME
    page.write_text(render_html(statement, reconciliation), encoding="utf-8")
    console = Console()
    print_statement(console, statement, reconciliation, settings.rows)
    console.print(f"\nPage: {page.absolute()}", highlight=False, soft_wrap=True)
    return 0 if reconciliation is None or reconciliation.ok else 1


if __name__ == "__main__":
    main()
