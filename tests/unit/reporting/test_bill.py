"""The bill of the small archive by hand, and that bills always add up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from small_archive import ad, event, write_archive

from reporting.bill import total_line
from reporting.period import Period


def test_the_bill_is_as_worked_out_by_hand(statement):
    assert [line.cells() for line in statement.bill.lines] == [
        ("A", "acme", "Books & <script>alert(1)</script>", 3, 2, 1, 2_250_000_001, 0, 100_000_000_000, 97_749_999_999),
        ("E", "acme", "", 1, 1, 1, 1_500_000_000, 500_000_000, 1_000_000_000, 0),
        ("D", "beta", "Garden", 0, 1, 0, 400_000_000, 0, 10_000_000_000, 9_600_000_000),
        ("B", "acme", 'O\'Hara "Toys" 🧸', 1, 0, 0, 0, 0, 5_000_000_000, 3_500_000_000),
    ]
    total = ("Total", "", "", 5, 4, 2, 4_150_000_001, 500_000_000, 116_000_000_000, 110_849_999_999)
    assert statement.bill.total.cells() == total


def test_an_empty_archive_has_an_empty_bill(empty_statement):
    assert empty_statement.bill.lines == ()
    assert empty_statement.bill.total == total_line([])
    assert empty_statement.bill.total.charged_nanos == 0


def test_the_account_is_shown_only_where_there_are_several(statement, report_on, tmp_path):
    def titles(bill):
        return [column.title for column in bill.shown()[0]]

    assert "Account" in titles(statement.bill)
    one = report_on(write_archive(tmp_path / "one", [ad("A", 1)], [event("A", 1, "r", "2025-09-02T01:00:00", view=1)]))
    columns, rows, total = one.bill.shown()
    assert "Account" not in titles(one.bill)
    assert len(columns) == len(rows[0]) == len(total) == 9


def test_a_charge_after_the_flags_are_set_is_billed_too(report_on, tmp_path):
    """A click after an acquisition that cost less: no flag is new, money is due."""
    events = [
        event("A", 1, "r", "2025-09-01T01:00:00", view=1, click=1, acquisition=1, expenditure="0.1"),
        event("A", 2, "r", "2025-09-02T01:00:00", expenditure="0.2"),
    ]
    statement = report_on(write_archive(tmp_path, [ad("A", 2)], events))
    assert statement.bill.total.charged_nanos == 200_000_000


@pytest.mark.parametrize("seed", range(3))
def test_bills_of_consecutive_periods_add_up_to_all_charges(report_on, tmp_path, seed):
    random = Random(seed)
    start = datetime(2025, 9, 2, tzinfo=UTC)
    events = []
    for campaign in "ABC":
        for seq in range(1, 41):
            time = (start + timedelta(minutes=random.randrange(72 * 60))).replace(tzinfo=None)
            action = random.choice([{"view": 1}, {"click": 1}, {}])
            charge = str(Decimal(random.randrange(10**10)).scaleb(-9))
            events.append(event(campaign, seq, f"{campaign}{seq}", time.isoformat(), expenditure=charge, **action))
    root = write_archive(tmp_path, [ad(campaign, 40, budget="9000000000") for campaign in "ABC"], events)
    everything = int(sum(Decimal(row["expenditure"]) for row in events) * 10**9)
    cuts = [None, start + timedelta(hours=7), start + timedelta(hours=31, microseconds=1), None]
    bills = [report_on(root, Period(*bounds)).bill for bounds in pairwise(cuts)]
    assert sum(bill.total.charged_nanos for bill in bills) == everything
    whole = report_on(root, Period())
    assert whole.bill.total.charged_nanos == sum(line.charged_nanos for line in whole.bill.lines) == everything
    assert sum(row[5] for row in whole.reports[2].rows) == everything
