"""A statement over retired days: the bill stays as it was, and a footnote says what the reports lack."""

import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from small_archive import DAY, EVENTS, open_catalog, write_archive

from marketplace.archive_layout import day_of, summary_name
from marketplace.runtime.archive.files import LocalFiles
from reporting.html import render_html
from reporting.period import Period, parse_period
from reporting.retention.sums import day_summary, write_summary
from reporting.statement import make_statement
from reporting.terminal import print_statement

INDIA = ZoneInfo("Asia/Kolkata")
BY_SUMS = (1, 2, 3, 9)


def retire(root, *days, keep_files=False):
    """Retires days as `retention archive` does; with `keep_files` as if it was killed before the removal."""
    files = LocalFiles(root)
    for day in days:
        names = [name for name in files.list("user_feedback") if day_of(name) == day]
        rows, name = day_summary(files, "user_feedback", day, names), summary_name("user_feedback", day)
        aside = files.write_aside(name, lambda sink, rows=rows, names=names: write_summary(sink, rows, names))
        assert files.publish(aside, name)
        for name in [] if keep_files else names:
            files.remove(name)


def statement(root, period):
    with open_catalog(root) as catalog:
        return make_statement(catalog, period, currency="INR", made_at=datetime(2025, 9, 9, tzinfo=UTC))


PERIODS = {
    "all": Period(),
    "the day": DAY,
    "a day of India": parse_period("2025-09-02", "2025-09-03", INDIA),
    "from an hour on": parse_period("2025-09-02T02:00", None),
    "from a quarter of an hour on": parse_period("2025-09-01T23:45", None),
    "before the day": parse_period(None, "2025-09-02"),
}


@pytest.mark.parametrize("keep_files", [False, True], ids=["removed", "killed before the removal"])
@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
def test_the_bill_and_what_is_by_campaign_stay_as_they_were(tmp_path, period, keep_files):
    root = write_archive(tmp_path)
    before = statement(root, period)
    retire(root, "2025-09-01", "2025-09-02", keep_files=keep_files)
    after = statement(root, period)
    assert after.bill == before.bill
    for old, new in zip(before.reports, after.reports, strict=True):
        if old.report.number in BY_SUMS:
            assert new == old, old.report.title
    assert (before.footnote, bool(after.footnote)) == (None, True)


def test_the_footnote_says_which_time_how_much_and_what_it_means(tmp_path):
    root = write_archive(tmp_path)
    retire(root, "2025-09-02")
    found = statement(root, parse_period("2025-09-02", "2025-09-03", INDIA))
    assert found.footnote == (
        "7 events between 2025-09-02 05:30 and 2025-09-02 17:45 are retired from the archive; what is left are sums "
        "per campaign and quarter of an hour. The bill and reports 1, 2, 3 and 9 count them, reports 4 to 8 and 10 do "
        "not."
    )
    cut = statement(root, parse_period("2025-09-02T00:07", "2025-09-03"))
    assert cut.footnote.endswith("such a quarter counts where it begins.")
    assert statement(root, parse_period("2025-09-03", None)).footnote is None


def test_it_stands_under_the_bill(tmp_path):
    root = write_archive(tmp_path)
    retire(root, "2025-09-02")
    found = statement(root, DAY)
    target = io.StringIO()
    print_statement(Console(file=target, width=400), found, None)
    assert found.footnote in target.getvalue()
    assert found.footnote in render_html(found, None)
    assert "retired" not in render_html(statement(write_archive(tmp_path / "other"), DAY), None)


def test_days_are_those_of_the_test_data():
    assert {row["timestamp"].date() for row in EVENTS} == {date(2025, 9, day) for day in (1, 2, 3)}
