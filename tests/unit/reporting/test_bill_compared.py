"""A bill's lines beside the ledger: what agrees, what differs, and what the ledger cannot date any more."""

from datetime import UTC, datetime

import pytest

from reporting.bill import BillLine
from reporting.period import Period
from reporting.reach import Reach
from reporting.service.compared import Comparison, compare_lines
from reporting.service.held import Held

ALWAYS = Period()
DAY = Period(datetime(2025, 9, 2, tzinfo=UTC), datetime(2025, 9, 3, tzinfo=UTC))


def line(campaign_id: str, charged_nanos: int, account: str = "acme") -> BillLine:
    counts = dict.fromkeys(("impressions", "clicks", "acquisitions"), 1)
    amounts = dict.fromkeys(("uncharged_nanos", "budget_nanos", "leftover_nanos"), 0)
    return BillLine(
        campaign_id=campaign_id, account=account, category="", charged_nanos=charged_nanos, **counts, **amounts
    )


def held(charged: int, *, coming: int = 0, ever: int | None = None, purged_seq: int = 0, account: str = "acme") -> Held:
    return Held(
        account=account,
        charged_nanos=charged,
        coming_nanos=coming,
        ever_nanos=charged if ever is None else ever,
        purged_seq=purged_seq,
    )


def adds_up(found: Comparison) -> bool:
    return all(
        sums.charged_nanos == sums.ledger_nanos + sums.purged_nanos + sums.difference_nanos
        for sums in (found.total, *found.accounts)
    )


@pytest.mark.parametrize("period", [ALWAYS, DAY])
def test_lines_that_agree(period: Period) -> None:
    lines = [line("a", 7), line("b", 5), line("c", 9, "rival")]
    rows = {"a": held(7, coming=2), "b": held(5), "c": held(9, account="rival"), "idle": held(0)}
    found = compare_lines(lines, {}, rows, period)
    assert (found.campaigns, found.differing, found.findings) == (3, 0, [])
    assert (found.total.charged_nanos, found.total.ledger_nanos, found.total.coming_nanos) == (21, 21, 2)
    assert [(sums.account, sums.lines, sums.charged_nanos) for sums in found.accounts] == [
        ("acme", 2, 12),
        ("rival", 1, 9),
    ]
    assert adds_up(found)


@pytest.mark.parametrize("period", [ALWAYS, DAY])
def test_differences_that_cancel_are_found_all_the_same(period: Period) -> None:
    found = compare_lines([line("a", 7), line("b", 5)], {}, {"a": held(6), "b": held(6)}, period)
    assert found.differing == 2 and found.total.difference_nanos == 0
    assert found.findings == [
        "campaign a: its charges are 0.000000001 more than the ledger's",
        "campaign b: its charges are 0.000000001 less than the ledger's",
    ]


def test_charges_without_a_line_are_found() -> None:
    found = compare_lines([], {}, {"lost": held(3), "new": held(0, coming=4)}, DAY)
    assert (found.campaigns, found.differing, found.total.lines) == (2, 1, 0)
    assert found.total.difference_nanos == -3 and found.total.coming_nanos == 4 and adds_up(found)


def test_a_line_that_the_ledger_does_not_know() -> None:
    assert compare_lines([line("a", 1)], {}, {}, DAY).differing == 1


def test_of_purged_rows_the_ledger_has_no_times() -> None:
    reach = {"a": Reach(event_seq=9, first_seq=3, charged_nanos=20)}
    found = compare_lines([line("a", 12)], reach, {"a": held(5, ever=20, purged_seq=6)}, DAY)
    assert found.differing == 0 and adds_up(found)
    assert (found.total.ledger_nanos, found.total.purged_nanos, found.total.difference_nanos) == (5, 7, 0)


def test_purged_rows_that_do_not_add_up_over_all_time() -> None:
    reach = {"a": Reach(event_seq=9, first_seq=3, charged_nanos=21)}
    found = compare_lines([line("a", 12)], reach, {"a": held(5, ever=20, purged_seq=6)}, DAY)
    assert found.differing == 1 and "more than the ledger's over all time" in found.findings[0]
    assert (found.total.purged_nanos, found.total.difference_nanos) == (6, 1) and adds_up(found)


def test_rows_purged_before_the_period_excuse_nothing() -> None:
    reach = {"a": Reach(event_seq=9, first_seq=7, charged_nanos=20)}
    assert compare_lines([line("a", 5)], reach, {"a": held(5, ever=20, purged_seq=6)}, DAY).differing == 0
    found = compare_lines([line("a", 6)], reach, {"a": held(5, ever=20, purged_seq=6)}, DAY)
    assert (found.differing, found.total.difference_nanos, found.total.purged_nanos) == (1, 1, 0)


def test_less_than_what_is_left_is_a_difference_whatever_is_purged() -> None:
    reach = {"a": Reach(event_seq=9, first_seq=3, charged_nanos=20)}
    found = compare_lines([line("a", 4)], reach, {"a": held(5, ever=20, purged_seq=6)}, DAY)
    assert (found.differing, found.total.difference_nanos) == (1, -1) and adds_up(found)


def test_findings_are_bounded() -> None:
    found = compare_lines([line(f"c{number}", 1) for number in range(60)], {}, {}, ALWAYS)
    assert found.differing == 60 and len(found.findings) == 51 and found.findings[-1] == "and 10 more"
