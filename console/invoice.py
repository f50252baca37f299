"""The bill as a document to print: its lines, a total that is their sum, and the ledger's word on them."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from adplatform.v1 import reporting_pb2 as pb
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from console import shown
from console.invoice_ledger import verdict, write_ledger
from console.invoice_lines import MAX_LISTED, Row, by_campaign, by_category
from console.lettering import BAD, INK, MARK, PLAIN, SOFT, Sheet, add_fonts, cut, printable, write_cell
from marketplace.money import format_nanos

_FIGURES: Final = (("Impressions", 22, "R"), ("Clicks", 16, "R"), ("Acquisitions", 22, "R"), ("Charged", 32, "R"))
_CAMPAIGNS: Final = (("Campaign", 58, "L"), ("Category", 36, "L"), *_FIGURES)
_CATEGORIES: Final = (("Category", 70, "L"), ("Campaigns", 24, "R"), *_FIGURES)
_ROW: Final = 5.6
_SHORT: Final = 24
_LONG: Final = 46
_PLAIN_NOTE: Final = (
    "Charged is what was taken from budgets, to the last decimal. What was due beyond a budget is not asked for."
)


def draw_invoice(bill: pb.GetBillResponse, account: str, zone: tzinfo) -> bytes:
    """Draws a whole bill with all of its lines; `bill.ledger` is what it is compared with.

    Where the ledger says otherwise, the document says so. Raises ValueError where the bill does not add up in itself,
    or was not compared.
    """
    if not bill.HasField("ledger"):
        raise ValueError("the bill was not compared with the ledger")
    sums = {sum(line.charged_nanos for line in bill.lines), bill.total.charged_nanos, bill.ledger.total.charged_nanos}
    if len(sums) != 1 or bill.total_size != len(bill.lines):
        raise ValueError("the lines of the bill do not add up to its total")
    page = Sheet(format="A4")
    add_fonts(page)
    page.set_margins(12, 14, 12)
    page.set_auto_page_break(True, 18)
    page.set_title("Invoice")
    page.add_page()
    _head(page, bill, account, zone)
    listed = len(bill.lines) <= MAX_LISTED
    rows = by_campaign(bill.lines) if listed else by_category(bill.lines)
    _table(page, bill, rows, _CAMPAIGNS if listed else _CATEGORIES, (_LONG * 2, _SHORT) if listed else (_LONG, _SHORT))
    _notes(page, bill, rows, listed)
    write_ledger(page, bill.ledger, bill.currency, zone)
    return bytes(page.output())


def _head(page: FPDF, bill: pb.GetBillResponse, account: str, zone: tzinfo) -> None:
    page.set_text_color(*INK)
    page.set_font(PLAIN, "B", 20)
    page.cell(0, 10, "Invoice", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    facts = (
        ("Account", account or "All accounts"),
        ("Period", bill.period),
        ("As of", f"{shown.instant(bill.as_of_time, zone)} ({zone})"),
        ("Amounts in", bill.currency),
    )
    for name, value in facts:
        page.set_font(PLAIN, size=9)
        page.set_text_color(*SOFT)
        page.cell(26, 5.4, name)
        page.set_text_color(*INK)
        write_cell(page, 160, 5.4, printable(value))
        page.ln(5.4)
    page.ln(3)
    page.set_font(PLAIN, "B", 13)
    owed = f"{shown.amount(bill.total.charged_nanos)} {bill.currency}"
    page.cell(0, 8, f"Total charged: {owed}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if not bill.ledger.ok:
        page.set_font(PLAIN, "B", 10)
        page.set_text_color(*BAD)
        page.multi_cell(0, 5.4, verdict(bill.ledger), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.set_text_color(*INK)
    page.ln(2)


def _table(
    page: FPDF,
    bill: pb.GetBillResponse,
    rows: Sequence[Row],
    columns: Sequence[tuple[str, int, str]],
    limits: tuple[int, int],
) -> None:
    decimals = shown.decimals_of([row.charged_nanos for row in rows] + [bill.total.charged_nanos])
    _titles(page, columns)
    for row in rows:
        if page.will_page_break(_ROW):
            page.add_page()
            _titles(page, columns)
        texts = (printable(cut(text, limit)) for text, limit in zip((row.name, row.about), limits, strict=True))
        _row(page, (*texts, *_figures(row, decimals)), columns, "B")
    page.set_font(PLAIN, "B", 7.6)
    _row(page, (f"Total of {bill.total_size:,} campaigns", "", *_figures(bill.total, decimals)), columns, "T")


def _titles(page: FPDF, columns: Sequence[tuple[str, int, str]]) -> None:
    page.set_font(PLAIN, "B", 7.6)
    page.set_text_color(*SOFT)
    _row(page, [title for title, _, _ in columns], columns, "B")
    page.set_font(PLAIN, size=7.6)
    page.set_text_color(*INK)


def _row(page: FPDF, cells: Sequence[str], columns: Sequence[tuple[str, int, str]], border: str) -> None:
    page.set_draw_color(*((200, 205, 213) if border == "B" else INK))
    for text, (_, width, side) in zip(cells, columns, strict=True):
        write_cell(page, width, _ROW, text, border, side)
    page.ln(_ROW)


def _notes(page: FPDF, bill: pb.GetBillResponse, rows: Sequence[Row], listed: bool) -> None:
    notes = [_PLAIN_NOTE]
    if not listed:
        notes.append(
            f"{bill.total_size:,} campaigns are too many to list here: the CSV file of this bill has them all."
        )
    if any(MARK in printable(text) for row in rows for text in (row.name, row.about)):
        notes.append(
            f"{MARK} stands for characters that this document cannot print; the CSV file of this bill has them."
        )
    page.ln(4)
    page.set_font(PLAIN, size=8)
    page.set_text_color(*SOFT)
    for note in [*notes, bill.note]:
        if note:
            page.multi_cell(0, 4.6, printable(note), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _figures(line: Row | pb.BillLine, decimals: int) -> tuple[str, str, str, str]:
    return (
        shown.count(line.impressions),
        shown.count(line.clicks),
        shown.count(line.acquisitions),
        format_nanos(line.charged_nanos, decimals),
    )
