"""The ten reports of the small archive, worked out by hand. Money in nanos."""

import re
from importlib.resources import files

import pytest
from small_archive import ADS_ROWS, DAY, EVENTS, SCRIPT, TOYS, ad, event, open_catalog, write_archive

from marketplace.errors import Unavailable
from reporting.cells import Kind
from reporting.period import Period
from reporting.queries import By, create_tables, load_sql
from reporting.reports import REPORTS
from reporting.statement import make_statement

EXPECTED = {
    "under_utilised_campaigns": [
        ("A", SCRIPT, "ACTIVE", 100_000_000_000, 2_250_000_001, 97_749_999_999),
        ("C", "Garden", "STOPPED", 50_000_000_000, 0, 50_000_000_000),
        ("D", "Garden", "ACTIVE", 10_000_000_000, 400_000_000, 9_600_000_000),
        ("B", TOYS, "ACTIVE", 5_000_000_000, 1_500_000_000, 3_500_000_000),
        ("E", None, "EXHAUSTED", 1_000_000_000, 1_500_000_000, 0),
    ],
    "top_spending_campaigns": [
        ("A", SCRIPT, 3, 2, 1, 2_250_000_001),
        ("E", None, 1, 1, 1, 1_500_000_000),
        ("D", "Garden", 0, 1, 0, 400_000_000),
    ],
    "expenditure_and_ctr": [
        ("A", SCRIPT, 3, 2, 2 / 3, 2_250_000_001),
        ("E", None, 1, 1, 1.0, 1_500_000_000),
        ("D", "Garden", 0, 1, None, 400_000_000),
        ("B", TOYS, 1, 0, 0.0, 0),
    ],
    "age_groups_by_ctr": [("30-39", 2, 2, 1.0), ("0-9", 1, 1, 1.0), ("unknown", 1, 1, 1.0), ("20-29", 1, 0, 0.0)],
    "locations_by_ctr": [
        ("Mumbai, Maharashtra", 2, 2, 1.0),
        ("Pune", 1, 1, 1.0),
        ("unknown", 1, 1, 1.0),
        ("Delhi, Delhi", 1, 0, 0.0),
    ],
    "genders_by_ctr": [("F", 2, 2, 1.0), ("unknown", 1, 1, 1.0), ("M", 2, 1, 0.5)],
    "income_buckets_by_ctr": [("unknown", 1, 1, 1.0), ("H", 2, 1, 0.5), ("L", 2, 1, 0.5), ("M", 0, 1, None)],
    "device_types_by_ctr": [("iPhone", 2, 2, 1.0), ("Android Mobile", 1, 1, 1.0), ("Macbook", 2, 1, 0.5)],
    "top_spending_categories": [
        (SCRIPT, 1, 3, 2, 2_250_000_001),
        (None, 1, 1, 1, 1_500_000_000),
        ("Garden", 1, 0, 1, 400_000_000),
    ],
    "auction_cpm_differences": [
        ("r3", "A", SCRIPT, 10_000, 1_000, 9_000),
        ("r5", "B", TOYS, 30_000, 21_000, 9_000),
        ("r1", "A", SCRIPT, 10_000, 4_000, 6_000),
        ("r2", "A", SCRIPT, 10_000, 10_000, 0),
        ("r7", "E", None, 10_000, 10_000, 0),
    ],
}


def rows_of(statement, key):
    return next(list(result.rows) for result in statement.reports if result.report.key == key)


@pytest.mark.parametrize("key", EXPECTED)
def test_a_report_is_as_worked_out_by_hand(statement, key):
    assert rows_of(statement, key) == EXPECTED[key]


def test_there_are_ten_reports_in_order():
    assert [report.number for report in REPORTS] == list(range(1, 11))
    assert {report.key for report in REPORTS} == EXPECTED.keys()


def test_the_columns_are_those_of_the_sql(tmp_path):
    with open_catalog(write_archive(tmp_path)) as catalog:
        create_tables(catalog, DAY)
        for report in REPORTS:
            assert catalog.query(load_sql(report.key, DAY)).columns == tuple(column.name for column in report.columns)


def test_an_empty_archive_has_empty_reports(empty_statement):
    assert [list(result.rows) for result in empty_statement.reports] == [[]] * 10


def test_campaigns_without_events_have_all_their_budget_left(report_on, tmp_path):
    statement = report_on(write_archive(tmp_path, ADS_ROWS, []), Period())
    assert [row[-1] for row in rows_of(statement, "under_utilised_campaigns")] == [
        100_000_000_000,
        50_000_000_000,
        10_000_000_000,
        5_000_000_000,
        1_000_000_000,
    ]
    assert rows_of(statement, "expenditure_and_ctr") == []


def test_without_a_period_every_event_up_to_the_snapshot_counts(report_on):
    rows = rows_of(report_on(period=Period()), "expenditure_and_ctr")
    assert [(row[0], row[2], row[3], row[5]) for row in rows] == [
        ("A", 3, 2, 2_250_000_001),
        ("E", 1, 1, 1_500_000_000),
        ("B", 2, 1, 1_500_000_000),
        ("D", 1, 1, 400_000_000),
    ]


def test_by_target_groups_by_whom_the_ad_was_aimed_at(report_on):
    statement = report_on(by=By.TARGET)
    assert rows_of(statement, "age_groups_by_ctr") == [("All", 2, 2, 1.0), ("20-45", 3, 2, 2 / 3)]
    assert rows_of(statement, "locations_by_ctr") == [("All, All, India", 5, 4, 0.8)]
    assert rows_of(statement, "expenditure_and_ctr") == EXPECTED["expenditure_and_ctr"]


def test_top_reports_stop_at_their_number_and_break_ties_by_name(report_on, tmp_path):
    ads = [ad(f"c{n:02}", 1, category=f"k{n:02}") for n in range(12)]
    events = [
        event(
            f"c{n:02}",
            1,
            f"r{n:02}",
            "2025-09-02T01:00:00",
            view=1,
            click=1,
            expenditure="1",
            user_age=n * 10,
            city=f"city {n:02}",
            device_type=f"device {n:02}",
            user_gender=f"g{n:02}",
            user_income_bucket=f"i{n:02}",
        )
        for n in reversed(range(12))
    ]
    statement = report_on(write_archive(tmp_path, ads, events))
    lengths = {result.report.number: len(result.rows) for result in statement.reports}
    assert lengths == {1: 10, 2: 10, 3: 12, 4: 5, 5: 5, 6: 12, 7: 12, 8: 5, 9: 10, 10: 10}
    for result in statement.reports:
        if result.report.key != "age_groups_by_ctr":
            names = [row[0] for row in result.rows]
            assert names == sorted(names), result.report.title


class LateFile:
    """A catalog whose archive grows between the two tables of a report run."""

    def __init__(self, catalog, root):
        self.query = catalog.query
        self._catalog, self._root = catalog, root

    def execute(self, sql):
        self._catalog.execute(sql)
        if "TABLE report_campaigns AS" in sql:
            write_archive(self._root, [row | {"event_seq": 99} for row in ADS_ROWS], EVENTS)


def test_what_is_archived_during_a_report_run_changes_no_number(tmp_path):
    late = [row for row in EVENTS if (row["campaign_id"], row["event_seq"]) not in {("A", 4), ("B", 2), ("B", 3)}]
    root = write_archive(tmp_path, ADS_ROWS, late)
    with open_catalog(root) as catalog:
        statement = make_statement(LateFile(catalog, root), DAY, currency="INR", made_at=DAY.end)
    audience = sum(row[1] for row in rows_of(statement, "genders_by_ctr"))
    assert audience == statement.bill.total.impressions == 3
    assert len(rows_of(statement, "auction_cpm_differences")) == 3


def test_a_session_that_began_anew_half_way_is_an_error(tmp_path):
    root = write_archive(tmp_path)
    with open_catalog(root) as catalog:

        class Reconnecting:
            execute = catalog.execute

            def query(self, sql):
                if "bid_cpm" in sql:
                    write_archive(root, [row | {"event_seq": 99} for row in ADS_ROWS], EVENTS)
                    create_tables(catalog, DAY)
                return catalog.query(sql)

        with pytest.raises(Unavailable):
            make_statement(Reconnecting(), DAY, currency="INR", made_at=DAY.end)


def test_the_sql_keeps_to_what_both_readers_understand():
    forbidden = (
        r"FILTER|QUALIFY|DATE_TRUNC|AVG\s*\(|GROUPING|GREATEST|NVL|;|\"|\bAS (user|date)\b|(?<!`)timestamp\b(?! ')"
    )
    folder = files("reporting") / "sql"
    names = [path.name.removesuffix(".sql") for path in folder.iterdir()]
    assert len(names) == 16
    for name in names:
        sql = load_sql(name, DAY)
        assert not re.search(forbidden, sql.replace("TIMESTAMP '", ""), re.IGNORECASE), name


def test_money_columns_are_named_as_money():
    for report in REPORTS:
        for column in report.columns:
            money = {"budget", "charged_ever", "leftover", "expenditure", "bid_cpm", "auction_cpm", "difference"}
            assert (column.kind is Kind.MONEY) == (column.name in money)
