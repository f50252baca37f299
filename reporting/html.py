"""The bill and the reports as one HTML page that needs nothing from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from marketplace.money import format_nanos
from reporting.cells import NOTHING, Cell, Column, for_people, money_decimals
from reporting.charts import Bar, bar_chart
from reporting.queries import By
from reporting.reports import Report, ReportResult
from reporting.statement import Statement
from reporting.summary import ReconciliationSummary, reconciliation_facts

DEFAULT_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Grid:
    """A table ready to be shown: texts per row, a total under them perhaps, and how many rows were left out."""

    caption: str
    columns: Sequence[Column]
    rows: list[tuple[str, ...]]
    total: tuple[str, ...] | None
    left_out: int


@dataclass(frozen=True, slots=True)
class Section:
    """A report ready to be shown."""

    report: Report
    grid: Grid
    chart: Markup | None


def render_html(statement: Statement, reconciliation: ReconciliationSummary | None, rows: int = DEFAULT_ROWS) -> str:
    """Returns the page. It shows at most `rows` rows of a table; the CSV files hold them all."""
    environment = Environment(
        loader=PackageLoader("reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [_section(result, rows) for result in statement.reports]
    return environment.get_template("report.html").render(
        statement=statement,
        period=statement.period.describe(),
        made_at=f"{statement.period.show(statement.made_at.replace(microsecond=0))} {statement.period.time_zone}",
        figures=_figures(statement),
        bill=_bill_grid(statement, rows),
        reconciliation=reconciliation,
        facts=reconciliation_facts(reconciliation, statement.currency) if reconciliation else [],
        themes=[(theme, list(group)) for theme, group in groupby(sections, lambda section: section.report.theme)],
        by_target=statement.by is By.TARGET,
    )


def _figures(statement: Statement) -> list[tuple[str, str, str]]:
    """Returns what stands in large type at the top: name, value, and a word on it."""
    total = statement.bill.total
    ctr = f"{total.clicks / total.impressions:.2%} CTR" if total.impressions else "no CTR without impressions"
    charged, uncharged = (
        format_nanos(nanos, money_decimals([nanos])) for nanos in (total.charged_nanos, total.uncharged_nanos)
    )
    return [
        (f"Charged, {statement.currency}", charged, f"{uncharged} more was due beyond budgets"),
        ("Impressions", f"{total.impressions:,}", f"on {len(statement.bill.lines):,} campaigns"),
        ("Clicks", f"{total.clicks:,}", ctr),
        ("Acquisitions", f"{total.acquisitions:,}", _per_click(total.acquisitions, total.clicks)),
    ]


def _per_click(acquisitions: int, clicks: int) -> str:
    return f"{acquisitions / clicks:.2%} of clicks" if clicks else NOTHING


def _bill_grid(statement: Statement, limit: int) -> Grid:
    columns, lines, total = statement.bill.shown()
    return _grid(f"Bill in {statement.currency}", columns, lines, limit, total)


def _section(result: ReportResult, limit: int) -> Section:
    report = result.report
    chart = bar_chart(report.title, _bars(result)) if report.chart and result.rows else None
    return Section(report, _grid(report.title, report.columns, result.rows, limit), chart)


def _bars(result: ReportResult) -> list[Bar]:
    columns = result.report.columns
    place = [column.name for column in columns].index(str(result.report.chart))
    values = [row[place] for row in result.rows]
    amounts = [float(value) if isinstance(value, int | float) else 0.0 for value in values]
    longest = max(amounts, default=0.0) or 1.0
    labels = for_people([row[0] for row in result.rows], columns[0])
    texts = for_people(values, columns[place])
    return [Bar(label, amount / longest, text) for label, amount, text in zip(labels, amounts, texts, strict=True)]


def _grid(
    caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], limit: int, total: Sequence[Cell] = ()
) -> Grid:
    shown = [*rows[:limit], *([total] if total else [])]
    texts = [for_people([row[place] for row in shown], column) for place, column in enumerate(columns)]
    lines = list(zip(*texts, strict=True)) if shown else []
    last = lines.pop() if total else None
    return Grid(caption, columns, lines, last, max(0, len(rows) - limit))
