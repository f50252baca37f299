"""A statement: the bill and the ten reports of one period, all read at the same point of every campaign."""

from dataclasses import dataclass
from datetime import datetime

from marketplace.errors import Unavailable
from marketplace.ports import ArchiveCatalog
from reporting.bill import Bill, make_bill
from reporting.gone import footnote
from reporting.period import Period
from reporting.queries import By, create_tables
from reporting.reports import ReportResult, run_reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a report run found. `made_at` is aware UTC; `currency` is the installation's, such as `USD`.

    `footnote` says for people what the figures lack, if anything.
    """

    period: Period
    by: By
    currency: str
    made_at: datetime
    bill: Bill
    reports: list[ReportResult]
    footnote: str | None = None


def make_statement(
    catalog: ArchiveCatalog, period: Period, *, currency: str, made_at: datetime, by: By = By.USER
) -> Statement:
    """Reads the bill and the reports from the archive. Raises Unavailable when the archive does not answer."""
    create_tables(catalog, period, by)
    bill = make_bill(catalog, period)
    reports = run_reports(catalog, period)
    note = footnote(catalog, period)
    # A catalog that lost its session makes the temporary tables again, and they may then reach further than the bill.
    if make_bill(catalog, period) != bill:
        raise Unavailable("the archive's session was lost while it was read, run the report again")
    return Statement(
        period=period, by=by, currency=currency, made_at=made_at, bill=bill, reports=reports, footnote=note
    )
