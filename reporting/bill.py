"""The bill: what every campaign got and is charged in a period, and the total."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from marketplace.ports import ArchiveCatalog
from reporting.cells import Cell, Column, Kind, to_nanos
from reporting.period import Period
from reporting.queries import load_sql

BILL_COLUMNS: Final[tuple[Column, ...]] = (
    Column("campaign_id", "Campaign", Kind.CODE),
    Column("account", "Account", Kind.TEXT),
    Column("category", "Category", Kind.TEXT),
    Column("impressions", "Impressions", Kind.COUNT),
    Column("clicks", "Clicks", Kind.COUNT),
    Column("acquisitions", "Acquisitions", Kind.COUNT),
    Column("charged", "Charged", Kind.MONEY),
    Column("uncharged", "Uncharged", Kind.MONEY),
    Column("budget", "Budget", Kind.MONEY),
    Column("leftover", "Leftover", Kind.MONEY),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One campaign on the bill. Counts and charges are the period's; budget and leftover are of the ads snapshot."""

    campaign_id: str
    account: str
    category: str
    impressions: int
    clicks: int
    acquisitions: int
    charged_nanos: int
    uncharged_nanos: int
    budget_nanos: int
    leftover_nanos: int

    def cells(self) -> tuple[Cell, ...]:
        """Returns the line in the order of `BILL_COLUMNS`."""
        return (
            self.campaign_id,
            self.account,
            self.category,
            self.impressions,
            self.clicks,
            self.acquisitions,
            self.charged_nanos,
            self.uncharged_nanos,
            self.budget_nanos,
            self.leftover_nanos,
        )


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines, the highest charge first, and their total."""

    lines: tuple[BillLine, ...]
    total: BillLine

    def shown(self) -> tuple[Sequence[Column], list[tuple[Cell, ...]], tuple[Cell, ...]]:
        """Returns columns, rows and total for people: the account only where there is more than one."""
        several = len({line.account for line in self.lines}) > 1
        places = [place for place, column in enumerate(BILL_COLUMNS) if several or column.name != "account"]
        total, *rows = (tuple(line.cells()[place] for place in places) for line in (self.total, *self.lines))
        return [BILL_COLUMNS[place] for place in places], rows, total


def total_line(lines: Sequence[BillLine]) -> BillLine:
    """Adds the lines up."""
    return BillLine(
        campaign_id="Total",
        account="",
        category="",
        impressions=sum(line.impressions for line in lines),
        clicks=sum(line.clicks for line in lines),
        acquisitions=sum(line.acquisitions for line in lines),
        charged_nanos=sum(line.charged_nanos for line in lines),
        uncharged_nanos=sum(line.uncharged_nanos for line in lines),
        budget_nanos=sum(line.budget_nanos for line in lines),
        leftover_nanos=sum(line.leftover_nanos for line in lines),
    )


def make_bill(catalog: ArchiveCatalog, period: Period) -> Bill:
    """Makes the bill from the tables that `queries.create_tables` made in this session for the same period."""
    lines = tuple(_line(row) for row in catalog.query(load_sql("bill", period)).rows)
    return Bill(lines, total_line(lines))


def _line(row: Sequence[object]) -> BillLine:
    campaign_id, account, category, impressions, clicks, acquisitions, charged, uncharged, budget, leftover = row
    return BillLine(
        campaign_id=str(campaign_id),
        account=str(account or ""),
        category=str(category or ""),
        impressions=int(str(impressions)),
        clicks=int(str(clicks)),
        acquisitions=int(str(acquisitions)),
        charged_nanos=to_nanos(charged),
        uncharged_nanos=to_nanos(uncharged),
        budget_nanos=to_nanos(budget),
        leftover_nanos=to_nanos(leftover),
    )
