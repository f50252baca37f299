"""The ten reports: what each is called, asks and shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from marketplace.ports import ArchiveCatalog
from reporting.cells import Cell, Column, Kind, read_cell
from reporting.period import Period
from reporting.queries import load_sql

_CAMPAIGN: Final = Column("campaign_id", "Campaign", Kind.CODE)
_CATEGORY: Final = Column("category", "Category", Kind.TEXT)
_IMPRESSIONS: Final = Column("impressions", "Impressions", Kind.COUNT)
_CLICKS: Final = Column("clicks", "Clicks", Kind.COUNT)
_ACQUISITIONS: Final = Column("acquisitions", "Acquisitions", Kind.COUNT)
_EXPENDITURE: Final = Column("expenditure", "Expenditure", Kind.MONEY)
_CTR: Final = Column("ctr", "CTR", Kind.RATE)
_CAMPAIGNS: Final = "Campaigns"
_AUDIENCE: Final = "Audience"
_SPENDING: Final = "Categories and auctions"
_GENDERS: Final = {"F": "Female", "M": "Male", "unknown": "Unknown"}
_INCOMES: Final = {"L": "Low", "M": "Medium", "H": "High", "unknown": "Unknown"}
_UNKNOWN: Final = {"unknown": "Unknown"}


@dataclass(frozen=True, slots=True)
class Report:
    """One report, under a theme. `key` names its SQL and CSV files; `about` says in a sentence what it shows.

    `chart` names the column that is drawn as bars, one per row under the name in the first column.
    """

    number: int
    theme: str
    key: str
    title: str
    about: str
    columns: tuple[Column, ...]
    chart: str | None = None


@dataclass(frozen=True, slots=True)
class ReportResult:
    """What a report found: rows of cells in the order of `report.columns`."""

    report: Report
    rows: tuple[tuple[Cell, ...], ...]


def _by_ctr(number: int, key: str, title: str, about: str, group: Column) -> Report:
    return Report(number, _AUDIENCE, key, title, about, (group, _IMPRESSIONS, _CLICKS, _CTR), "ctr")


REPORTS: Final[tuple[Report, ...]] = (
    Report(
        1,
        _CAMPAIGNS,
        "under_utilised_campaigns",
        "Top 10 under-utilised campaigns",
        "The largest leftover budgets, whatever the period.",
        (
            _CAMPAIGN,
            _CATEGORY,
            Column("status", "Status", Kind.TEXT, {"ACTIVE": "Active", "EXHAUSTED": "Exhausted", "STOPPED": "Stopped"}),
            Column("budget", "Budget", Kind.MONEY),
            Column("charged_ever", "Charged so far", Kind.MONEY),
            Column("leftover", "Leftover", Kind.MONEY),
        ),
    ),
    Report(
        2,
        _CAMPAIGNS,
        "top_spending_campaigns",
        "Top 10 spending campaigns",
        "The campaigns that were charged most.",
        (_CAMPAIGN, _CATEGORY, _IMPRESSIONS, _CLICKS, _ACQUISITIONS, _EXPENDITURE),
    ),
    Report(
        3,
        _CAMPAIGNS,
        "expenditure_and_ctr",
        "Expenditure and CTR per campaign",
        "Every campaign that something happened to, the highest expenditure first.",
        (_CAMPAIGN, _CATEGORY, _IMPRESSIONS, _CLICKS, _CTR, _EXPENDITURE),
    ),
    _by_ctr(
        4,
        "age_groups_by_ctr",
        "Top 5 age groups by CTR",
        "Who clicks most often, by age.",
        Column("age_group", "Age group", Kind.TEXT, _UNKNOWN),
    ),
    _by_ctr(
        5,
        "locations_by_ctr",
        "Top 5 locations by CTR",
        "Where ads are clicked most often.",
        Column("location", "Location", Kind.TEXT, _UNKNOWN),
    ),
    _by_ctr(
        6,
        "genders_by_ctr",
        "Genders by CTR",
        "Who clicks most often, by gender.",
        Column("gender", "Gender", Kind.TEXT, _GENDERS),
    ),
    _by_ctr(
        7,
        "income_buckets_by_ctr",
        "Income buckets by CTR",
        "Who clicks most often, by income.",
        Column("income_bucket", "Income", Kind.TEXT, _INCOMES),
    ),
    _by_ctr(
        8,
        "device_types_by_ctr",
        "Top 5 device types by CTR",
        "On which devices ads are clicked most often.",
        Column("device_type", "Device type", Kind.TEXT, _UNKNOWN),
    ),
    Report(
        9,
        _SPENDING,
        "top_spending_categories",
        "Top 10 spending categories",
        "The kinds of products that were charged most.",
        (_CATEGORY, Column("campaigns", "Campaigns", Kind.COUNT), _IMPRESSIONS, _CLICKS, _EXPENDITURE),
        chart="expenditure",
    ),
    Report(
        10,
        _SPENDING,
        "auction_cpm_differences",
        "Highest CPM differences in auctions",
        "The displayed ads whose winner had bid furthest above the price it paid, per impression.",
        (
            Column("request_id", "Request", Kind.CODE),
            _CAMPAIGN,
            _CATEGORY,
            Column("bid_cpm", "Bid", Kind.MONEY),
            Column("auction_cpm", "Price", Kind.MONEY),
            Column("difference", "Difference", Kind.MONEY),
        ),
    ),
)


def run_reports(catalog: ArchiveCatalog, period: Period) -> list[ReportResult]:
    """Runs the ten reports over the tables that `queries.create_tables` made in this session for the same period."""
    return [ReportResult(report, _rows(catalog, report.key, report.columns, period)) for report in REPORTS]


def _rows(catalog: ArchiveCatalog, key: str, columns: Sequence[Column], period: Period) -> tuple[tuple[Cell, ...], ...]:
    answer = catalog.query(load_sql(key, period))
    return tuple(
        tuple(read_cell(value, column.kind) for value, column in zip(row, columns, strict=True)) for row in answer.rows
    )
