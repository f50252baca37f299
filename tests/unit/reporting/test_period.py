"""Periods are given in the billing time zone and kept in UTC."""

from datetime import UTC, datetime

import pytest

from marketplace.errors import InvalidArgument
from reporting.period import Period, parse_period, parse_time_zone

KOLKATA = parse_time_zone("Asia/Kolkata")
BERLIN = parse_time_zone("Europe/Berlin")


def test_dates_are_midnights_of_the_billing_time_zone():
    period = parse_period("2025-09-02", "2025-09-03", KOLKATA)
    assert (period.start, period.end) == (
        datetime(2025, 9, 1, 18, 30, tzinfo=UTC),
        datetime(2025, 9, 2, 18, 30, tzinfo=UTC),
    )
    assert period.describe() == "2025-09-02 00:00 to 2025-09-03 00:00, end not included (Asia/Kolkata)"


def test_a_day_of_a_clock_change_has_its_true_length():
    period = parse_period("2025-10-26", "2025-10-27", BERLIN)
    assert (period.end - period.start).total_seconds() == 25 * 3600


def test_times_and_offsets_are_taken_as_given():
    period = parse_period("2025-09-02T10:00:00.000001", "2025-09-02T15:00+02:00", UTC)
    assert period.sql_bounds() == ("TIMESTAMP '2025-09-02 10:00:00.000001'", "TIMESTAMP '2025-09-02 13:00:00.000000'")


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (None, None, "All events (UTC)"),
        ("2025-09-02", None, "From 2025-09-02 00:00 on (UTC)"),
        (None, "2025-09-02T01:02:03", "Before 2025-09-02 01:02:03 (UTC)"),
    ],
)
def test_open_sides(start, end, words):
    assert parse_period(start, end).describe() == words


def test_open_bounds_hold_every_event():
    assert Period().sql_bounds() == (
        "TIMESTAMP '1970-01-01 00:00:00.000000'",
        "TIMESTAMP '9999-12-31 00:00:00.000000'",
    )


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("yesterday", None, "from"),
        ("2025-09-02' OR '1'='1", None, "from"),
        ("", None, "from"),
        (None, "2025-02-30", "to"),
        ("2025-09-02", "2025-09-02", "to"),
        ("2025-09-03", "2025-09-02", "to"),
        ("0001-01-01T00:00+14:00", None, "from"),
    ],
)
def test_what_is_no_period_is_refused_by_its_field(start, end, field):
    with pytest.raises(InvalidArgument) as refused:
        parse_period(start, end)
    assert refused.value.field == field


def test_what_lies_beyond_the_calendar_of_its_time_zone_is_refused():
    with pytest.raises(InvalidArgument) as refused:
        parse_period(None, "9999-12-31T23:00Z", KOLKATA)
    assert refused.value.field == "to"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "a\0b"])
def test_unknown_time_zones_are_refused(name):
    with pytest.raises(InvalidArgument):
        parse_time_zone(name)
