"""Whatever a period is: a bill and reports of it, or it is refused with its field's name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from adplatform.v1 import reporting_pb2
from case_numbers import seeded
from hostile import MOMENTS, ZONES
from reported import sources

from marketplace.errors import InvalidArgument
from reporting.queries import By
from reporting.service.books import Books
from reporting.service.books_wire import period_of
from reporting.service.servicer import Sources


@pytest.fixture
def reported(tmp_path: Path) -> Iterator[Sources]:
    with sources(tmp_path, Books) as opened:
        yield opened


def test_the_archive_is_asked_for_any_period(reported: Sources) -> None:
    for rng in seeded("periods", share=0.0004):
        start, end, zone = (rng.choice(("", *texts)) for texts in (MOMENTS, MOMENTS, ZONES))
        try:
            period = period_of(reporting_pb2.ReportPeriod(start=start, end=end, time_zone=zone), reported.zone)
        except InvalidArgument as refused:
            assert refused.field in ("from", "to", "time_zone")
            continue
        statement = reported.books.statement(period, rng.choice(list(By)), timeout_s=30.0).statement
        assert statement.period.describe() and len(statement.reports) == 10
