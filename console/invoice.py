"""The bill as a document to print: one line a campaign, and a total that is their sum."""

from datetime import tzinfo
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from adplatform.v1 import reporting_pb2 as pb
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from console import shown
from marketplace.money import format_nanos

MAX_LINES: Final = 2_000
_FONT: Final = "DejaVu"
_COLUMNS: Final = (
    ("Campaign", 62, "L"),
    ("Category", 36, "L"),
    ("Impressions", 22, "R"),
    ("Clicks", 16, "R"),
    ("Acquisitions", 22, "R"),
    ("Charged", 32, "R"),
)
_ROW: Final = 5.6
_CATEGORY: Final = 22
_SOFT: Final = (95, 102, 114)
_INK: Final = (20, 24, 31)


class _Page(FPDF):
    """An A4 page with its number at the foot."""

    def footer(self) -> None:
        """Writes the number of the page."""
        self.set_y(-14)
        self.set_font(_FONT, size=8)
        self.set_text_color(*_SOFT)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")


def draw_invoice(bill: pb.GetBillResponse, account: str, zone: tzinfo) -> bytes:
    """Draws a whole bill. Raises ValueError where its lines do not add up to its total."""
    if sum(line.charged_nanos for line in bill.lines) != bill.total.charged_nanos:
        raise ValueError("the lines of the bill do not add up to its total")
    page = _Page(format="A4")
    for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        page.add_font(_FONT, style, _fonts() / name)
    page.set_margins(12, 14, 12)
    page.set_auto_page_break(True, 18)
    page.set_title("Invoice")
    page.add_page()
    _head(page, bill, account, zone)
    _table(page, bill)
    return bytes(page.output())


def _head(page: FPDF, bill: pb.GetBillResponse, account: str, zone: tzinfo) -> None:
    page.set_text_color(*_INK)
    page.set_font(_FONT, "B", 20)
    page.cell(0, 10, "Invoice", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font(_FONT, size=9)
    facts = (
        ("Account", account or "All accounts"),
        ("Period", bill.period),
        ("As of", f"{shown.instant(bill.as_of_time, zone)} ({zone})"),
        ("Amounts in", bill.currency),
    )
    for name, value in facts:
        page.set_text_color(*_SOFT)
        page.cell(26, 5.4, name)
        page.set_text_color(*_INK)
        page.multi_cell(0, 5.4, _written(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(3)
    page.set_font(_FONT, "B", 13)
    decimals = shown.decimals_of([bill.total.charged_nanos])
    owed = f"{format_nanos(bill.total.charged_nanos, decimals)} {bill.currency}"
    page.cell(0, 8, f"Total charged: {owed}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(2)


def _table(page: FPDF, bill: pb.GetBillResponse) -> None:
    decimals = shown.decimals_of([line.charged_nanos for line in (*bill.lines, bill.total)])
    _titles(page)
    page.set_font(_FONT, size=7.6)
    for line in bill.lines:
        if page.will_page_break(_ROW):
            page.add_page()
            _titles(page)
            page.set_font(_FONT, size=7.6)
        name = line.campaign_id
        _row(page, (name, _cut(line.category, _CATEGORY), *_figures(line, decimals)), "B")
    page.set_font(_FONT, "B", 7.6)
    _row(page, (f"Total of {len(bill.lines):,}", "", *_figures(bill.total, decimals)), "T")
    page.ln(4)
    page.set_font(_FONT, size=8)
    page.set_text_color(*_SOFT)
    note = "Charged is what was taken from budgets, to the last decimal. What was due beyond a budget is not asked for."
    page.multi_cell(0, 4.6, note)


def _titles(page: FPDF) -> None:
    page.set_font(_FONT, "B", 7.6)
    page.set_text_color(*_SOFT)
    for title, width, side in _COLUMNS:
        page.cell(width, _ROW, title, border="B", align=side)
    page.ln(_ROW)
    page.set_text_color(*_INK)


def _row(page: FPDF, cells: tuple[str, ...], border: str) -> None:
    page.set_draw_color(*((200, 205, 213) if border == "B" else _INK))
    for text, (_, width, side) in zip(cells, _COLUMNS, strict=True):
        page.cell(width, _ROW, _written(text), border=border, align=side)
    page.ln(_ROW)


def _figures(line: pb.BillLine, decimals: int) -> tuple[str, str, str, str]:
    return (
        shown.count(line.impressions),
        shown.count(line.clicks),
        shown.count(line.acquisitions),
        format_nanos(line.charged_nanos, decimals),
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _written(text: str) -> str:
    """Returns a text without what ends lines; fonts show what they lack as a box."""
    return " ".join(text.split())


def _fonts() -> Path:
    """Returns the folder of the fonts that matplotlib comes with; matplotlib itself is not loaded."""
    found = find_spec("matplotlib")
    assert found and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
