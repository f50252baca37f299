"""The reconciliation under an invoice: its lines beside the ledger, in all and by account."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from adplatform.v1 import reporting_pb2 as pb
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from console import shown
from console.lettering import BAD, INK, PLAIN, cut, printable, write_cell
from marketplace.money import format_nanos

_ROW: Final = 5.6
_ACCOUNT: Final = 30
_ACCOUNTS: Final = (
    ("Account", 46, "L"),
    ("Lines", 16, "R"),
    ("Charged", 32, "R"),
    ("By the ledger", 32, "R"),
    ("On its way", 30, "R"),
    ("Difference", 30, "R"),
)


def verdict(found: pb.LedgerComparison) -> str:
    """Says in a sentence whether lines and ledger agree."""
    if not found.ok:
        some = f"{found.differing:,} of {found.campaigns:,} campaigns differ"
        return f"These lines do not agree with the ledger: {some}. Do not send this invoice before it is cleared up."
    return f"These lines agree with the ledger, campaign by campaign ({found.campaigns:,} compared)."


def purged_sentence(found: pb.LedgerComparison, currency: str) -> str:
    """Says what the ledger cannot date any more; empty: nothing."""
    if not found.total.purged_nanos:
        return ""
    part = f"{shown.amount(found.total.purged_nanos)} {currency}"
    return (
        f"For {part} of these lines the ledger's rows are purged. It keeps their sum per campaign and no times, so it "
        "cannot say any more that they fall in this period; those campaigns are compared over all time instead."
    )


def coming_sentence(found: pb.LedgerComparison, currency: str) -> str:
    """Says what was charged and is on no line yet; empty: nothing."""
    if not found.total.on_the_way_nanos:
        return ""
    part = f"{shown.amount(found.total.on_the_way_nanos)} {currency}"
    return f"{part} more was charged in this period and is on its way to the archive: it is on no line yet."


def write_ledger(page: FPDF, found: pb.LedgerComparison, currency: str, zone: tzinfo) -> None:
    """Writes the section."""
    page.ln(4)
    if page.will_page_break(60):
        page.add_page()
    page.set_text_color(*INK)
    page.set_font(PLAIN, "B", 11)
    page.cell(0, 7, "Reconciliation", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font(PLAIN, size=8)
    page.set_text_color(*(INK if found.ok else BAD))
    as_of = f"The ledger was read {shown.instant(found.as_of_time, zone)} ({zone})."
    page.multi_cell(0, 4.8, f"{verdict(found)} {as_of}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_text_color(*INK)
    for name, nanos in _facts(found.total):
        page.cell(100, _ROW, name)
        page.cell(50, _ROW, f"{shown.amount(nanos)} {currency}", align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    for sentence in (purged_sentence(found, currency), coming_sentence(found, currency), *found.findings):
        if sentence:
            page.multi_cell(0, 4.8, printable(sentence), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if found.account_count > 1:
        _write_accounts(page, found)


def _facts(total: pb.AccountSums) -> list[tuple[str, int]]:
    facts = [("Charged, by these lines", total.charged_nanos), ("Charged, by the ledger", total.ledger_nanos)]
    if total.purged_nanos:
        facts.append(("Not to be dated by the ledger any more", total.purged_nanos))
    return [*facts, ("Difference", total.difference_nanos), ("On its way, on no line", total.on_the_way_nanos)]


def _write_accounts(page: FPDF, found: pb.LedgerComparison) -> None:
    page.ln(3)
    decimals = shown.decimals_of([nanos for sums in found.accounts for nanos in _amounts(sums)])
    titles = [title for title, _, _ in _ACCOUNTS]
    if found.total.purged_nanos:
        titles[3] = "Ledger, and purged"
    _write_row(page, titles, bold=True)
    for sums in found.accounts:
        name = printable(cut(sums.account, _ACCOUNT)) or "No account"
        amounts = [format_nanos(nanos, decimals) for nanos in _amounts(sums)]
        _write_row(page, [name, shown.count(sums.lines), *amounts])
    if more := found.account_count - len(found.accounts):
        page.cell(0, _ROW, f"and {more:,} more accounts", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _amounts(sums: pb.AccountSums) -> tuple[int, int, int, int]:
    return sums.charged_nanos, sums.ledger_nanos + sums.purged_nanos, sums.on_the_way_nanos, sums.difference_nanos


def _write_row(page: FPDF, cells: Sequence[str], bold: bool = False) -> None:
    if page.will_page_break(_ROW):
        page.add_page()
    page.set_font(PLAIN, "B" if bold else "", 7.6)
    for text, (_, width, side) in zip(cells, _ACCOUNTS, strict=True):
        write_cell(page, width, _ROW, text, "B", side)
    page.ln(_ROW)
