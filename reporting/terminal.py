"""The bill and the reports as tables on the terminal."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from reporting.bill import Bill
from reporting.cells import Cell, Column, for_people, visible
from reporting.reports import ReportResult
from reporting.statement import Statement
from reporting.summary import ReconciliationSummary, reconciliation_facts

DEFAULT_ROWS: Final = 20
_NARROWEST_NAME: Final = 18  # half a UUID
_PADDING: Final = 2


def print_statement(
    console: Console, statement: Statement, reconciliation: ReconciliationSummary | None, rows: int = DEFAULT_ROWS
) -> None:
    """Prints the reports, then the bill and the reconciliation under it; at most `rows` rows of each table."""
    for result in statement.reports:
        _print_report(console, result, rows)
    _print_bill(console, statement.bill, statement, rows)
    if statement.footnote:
        console.print(Text(f"   {statement.footnote}", style="dim"))
    if reconciliation is not None:
        print_reconciliation(console, reconciliation, statement.currency)


def print_reconciliation(console: Console, summary: ReconciliationSummary, currency: str) -> None:
    """Prints what the reconciliation found."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column()
    facts.add_column(justify="right")
    for title, value in reconciliation_facts(summary, currency):
        facts.add_row(title, value)
    content = Table.grid()
    content.add_row(facts)
    for finding in summary.findings:
        content.add_row(Text(f"- {visible(finding)}"))
    title = "[bold green]Reconciled[/]" if summary.ok else "[bold red]Does not reconcile[/]"
    console.print(Panel(content, title=title, title_align="left", expand=False, border_style="dim"))


def _print_report(console: Console, result: ReportResult, rows: int) -> None:
    report = result.report
    console.print()
    console.print(Text(f"{report.number}  {report.title}", style="bold"))
    if not result.rows:
        console.print(Text("   Nothing to show in this period.", style="dim"))
        return
    _print_table(console, report.columns, result.rows, (), rows, f"{report.key}.csv")


def _print_bill(console: Console, bill: Bill, statement: Statement, rows: int) -> None:
    console.print()
    console.print(Text(f"Bill: {statement.period.describe()}, in {statement.currency}", style="bold"))
    if not bill.lines:
        console.print(Text("   Nothing was displayed or charged in this period.", style="dim"))
        return
    _print_table(console, *bill.shown(), rows, "bill.csv")


def _print_table(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    total: Sequence[Cell],
    limit: int,
    csv_name: str,
) -> None:
    shown = [*rows[:limit], *([total] if total else [])]
    texts = [for_people([row[i] for row in shown], column) for i, column in enumerate(columns)]
    table = Table(box=None, padding=(0, 1), header_style="dim", show_footer=bool(total), footer_style="bold")
    narrowest = 0
    for column, column_texts in zip(columns, texts, strict=True):
        longest = max(map(cell_len, [column.title, *column_texts]))
        number = column.kind.is_number
        least = longest if number else min(longest, _NARROWEST_NAME)
        footer = Text(column_texts[-1]) if total else ""
        justify: JustifyMethod = "right" if number else "left"
        table.add_column(column.title, footer, justify=justify, no_wrap=number, overflow="fold", min_width=least)
        narrowest += least + _PADDING
    for row in list(zip(*texts, strict=True))[: len(rows[:limit])]:
        table.add_row(*map(Text, row))
    if narrowest > console.width:  # neither names nor amounts are cut off, so the lines are longer than the terminal
        table.width = narrowest
    console.print(table, crop=False)
    if len(rows) > limit:
        console.print(Text(f"   and {len(rows) - limit:,} more in {csv_name}", style="dim"))
