from datetime import UTC, datetime

import pytest
from small_archive import DAY, open_catalog, write_archive

from reporting.period import Period
from reporting.queries import By
from reporting.statement import make_statement
from reporting.summary import ReconciliationSummary

MADE_AT = datetime(2025, 9, 3, 8, 30, tzinfo=UTC)


@pytest.fixture
def report_on(tmp_path):
    """Makes the statement of an archive: of the small one for its day unless told otherwise."""

    def make(root=None, period=DAY, by=By.USER):
        with open_catalog(root or write_archive(tmp_path)) as catalog:
            return make_statement(catalog, period, currency="INR", made_at=MADE_AT, by=by)

    return make


@pytest.fixture
def statement(report_on):
    return report_on()


@pytest.fixture
def empty_statement(report_on, tmp_path):
    return report_on(tmp_path, Period())


@pytest.fixture
def reconciled():
    return ReconciliationSummary(
        campaigns=5,
        archived_events=11,
        archived_nanos=4_150_000_001,
        ledger_nanos=4_150_000_001,
        difference_nanos=0,
        in_flight_events=0,
        twice=0,
        gaps=0,
        overspent_campaigns=0,
        ok=True,
    )
