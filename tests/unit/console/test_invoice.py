"""The invoice: a PDF whose lines are the bill's, beside the ledger, in whatever script; or none."""

import io
import re
import time
from datetime import UTC
from typing import Any

import pytest
from adplatform.v1 import reporting_pb2 as pb
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from console.invoice import draw_invoice
from console.invoice_lines import by_category
from console.lettering import MARK, cut, printable

HINDI = "रसोई के बर्तन और क्रॉकरी"
OF_INDIA = (HINDI, "বাংলা বই", "தமிழ் புத்தகம்", "తెలుగు", "ગુજરાતી", "ਪੰਜਾਬੀ", "ಕನ್ನಡ", "മലയാളം", "ଓଡ଼ିଆ", "සිංහල")
ELSEWHERE = ("Töpfe & Pfannen", "Книги", "ไทย", "עברית", "حلويات", "Ελληνικά")


def bill(count: int, categories: tuple[str, ...] = ("Toys",), more_nanos: int = 0) -> pb.GetBillResponse:
    lines = [
        pb.BillLine(
            campaign_id=f"campaign-{number}",
            account="acme",
            category=categories[number % len(categories)],
            impressions=10,
            clicks=2,
            charged_nanos=1_000_000_001 + number,
        )
        for number in range(count)
    ]
    charged = sum(line.charged_nanos for line in lines)
    total = pb.BillLine(campaign_id="Total", charged_nanos=charged + more_nanos)
    sums = pb.AccountSums(lines=count, charged_nanos=charged, ledger_nanos=charged)
    ledger = pb.LedgerComparison(ok=True, campaigns=count, total=sums, account_count=1)
    return pb.GetBillResponse(
        period="All events (UTC)", currency="USD", lines=lines, total=total, total_size=count, ledger=ledger
    )


def read(document: bytes) -> tuple[int, str]:
    """Returns how many pages a document has, and its text in one line."""
    pages = PdfReader(io.BytesIO(document)).pages
    return len(pages), " ".join(" ".join(page.extract_text() for page in pages).split())


def test_an_invoice_has_every_line() -> None:
    pages, text = read(draw_invoice(bill(100), "acme", UTC))
    assert pages == 3
    for number in range(100):
        assert f"campaign-{number} Toys 10 2 0 1.{1 + number:09d}" in text
    assert "Total charged: 100.00000505 USD" in text
    assert "Charged, by the ledger 100.00000505 USD Difference 0.00 USD" in text
    assert "These lines agree with the ledger, campaign by campaign (100 compared)." in text


def test_no_invoice_without_a_right_sum() -> None:
    with pytest.raises(ValueError, match="add up"):
        draw_invoice(bill(3, more_nanos=1), "", UTC)


def test_no_invoice_of_some_of_the_lines() -> None:
    part = bill(3)
    part.total_size = 4
    with pytest.raises(ValueError, match="add up"):
        draw_invoice(part, "", UTC)


def test_no_invoice_that_nobody_compared() -> None:
    alone = bill(3)
    alone.ClearField("ledger")
    with pytest.raises(ValueError, match="was not compared"):
        draw_invoice(alone, "", UTC)


def test_an_invoice_that_the_ledger_contradicts_says_so() -> None:
    wrong = bill(3)
    wrong.ledger.ok, wrong.ledger.differing = False, 1
    wrong.ledger.findings.append("campaign campaign-1: its charges are 2.00 more than the ledger's")
    wrong.ledger.total.ledger_nanos -= 2 * 10**9
    wrong.ledger.total.difference_nanos = 2 * 10**9
    _, text = read(draw_invoice(wrong, "", UTC))
    warning = "These lines do not agree with the ledger: 1 of 3 campaigns differ. Do not send this invoice"
    assert text.count(warning) == 2 and text.index(warning) < text.index("campaign-0")
    assert "campaign campaign-1: its charges are 2.00 more" in text and "Difference 2.00 USD" in text


def test_what_is_on_its_way_and_what_is_purged_is_said() -> None:
    some = bill(2)
    some.ledger.total.on_the_way_nanos, some.ledger.total.purged_nanos = 5 * 10**8, 10**9
    some.note = "3 events between then and then are retired."
    _, text = read(draw_invoice(some, "", UTC))
    assert "0.50 USD more was charged in this period and is on its way to the archive: it is on no line yet." in text
    assert "For 1.00 USD of these lines the ledger's rows are purged." in text
    assert "3 events between then and then are retired." in text


def test_accounts_are_added_up() -> None:
    some = bill(3)
    some.ledger.account_count = 202
    for name, nanos in (("acme", 2 * 10**9), ("रसोई", 10**9)):
        some.ledger.accounts.add(account=name, lines=1, charged_nanos=nanos, ledger_nanos=nanos)
    _, text = read(draw_invoice(some, "", UTC))
    assert "acme 1 2.00 2.00 0.00 0.00" in text and "and 200 more accounts" in text


def used_glyphs(document: bytes) -> dict[str, Any]:
    """Returns the fonts that a document embeds, by name."""
    found = {}
    for page in PdfReader(io.BytesIO(document)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            entry = font.get_object()
            inner = entry["/DescendantFonts"][0].get_object()["/FontDescriptor"]["/FontFile2"].get_object()
            found[str(entry["/BaseFont"])] = TTFont(io.BytesIO(inner.get_data()))
    return found


@pytest.mark.parametrize("text", [*OF_INDIA, *ELSEWHERE])
def test_scripts_are_printed_and_not_as_boxes(text: str) -> None:
    assert printable(text) == text
    document = draw_invoice(bill(1, (text,)), text, UTC)
    fonts = used_glyphs(document)
    assert any(len(font.getGlyphOrder()) > 1 for font in fonts.values())
    _, found = read(document)
    assert MARK not in found and "\x00" not in found
    if text in OF_INDIA:
        assert any("Noto" in name for name in fonts), list(fonts)


def test_signs_of_india_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    def glyphs() -> int:
        fonts = used_glyphs(draw_invoice(bill(1, ("क्षत्रज्ञ",)), "", UTC))
        return sum(len(font.getGlyphOrder()) for name, font in fonts.items() if "Devanagari" in name)

    joined = glyphs()
    monkeypatch.setattr("console.lettering._SHAPED", re.compile("never"))
    assert joined < glyphs()  # conjuncts, where there would be letters and their joiners


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Töpfe 🍳 & 上海 books", f"Töpfe {MARK} & {MARK} books"),
        ("👩‍🍳\ufe0f!", f"{MARK}!"),
        ("一\u0301b", f"{MARK}b"),
        ("a\x00b\n c", "ab c"),
        ("é\x07", f"é{MARK}"),
        ("", ""),
    ],
)
def test_what_no_font_has_is_marked(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_mark_is_explained_and_the_campaign_named() -> None:
    _, text = read(draw_invoice(bill(1, ("上海 🍳",)), "", UTC))
    assert f"campaign-0 {MARK} {MARK} 10 2" in text
    assert "stands for characters that this document cannot print; the CSV file of this bill has them." in text
    assert "stands for characters" not in read(draw_invoice(bill(1), "", UTC))[1]


def test_a_text_is_not_cut_inside_a_sign() -> None:
    assert cut("रसोई", 9) == "रसोई"
    assert cut("कि" * 3, 4) == "कि…"
    assert cut("क्ष" * 2, 3) == "क…" or cut("क्ष" * 2, 3).startswith("क")
    assert cut("plain text", 6) == "plain…"


def test_a_long_name_stays_in_its_cell() -> None:
    long = bill(1)
    long.lines[0].campaign_id = "W" * 64
    _, text = read(draw_invoice(long, "", UTC))
    assert "W" * 64 in text


def test_many_campaigns_are_added_up_by_category_in_bounded_time() -> None:
    many = bill(20_000, tuple(f"{HINDI} {number}" for number in range(700)))
    began = time.perf_counter()
    pages, text = read(draw_invoice(many, "", UTC))
    assert time.perf_counter() - began < 20
    assert pages < 20
    assert "20,000 campaigns are too many to list here: the CSV file of this bill has them all." in text
    assert "200 other categories" in text and "Total of 20,000 campaigns" in text
    rows = by_category(many.lines)
    assert len(rows) == 501
    assert sum(row.charged_nanos for row in rows) == many.total.charged_nanos
    assert sum(row.campaigns for row in rows) == 20_000


def test_an_empty_bill() -> None:
    pages, text = read(draw_invoice(bill(0), "", UTC))
    assert pages == 1 and "Total charged: 0.00 USD" in text
