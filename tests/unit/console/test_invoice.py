"""The invoice: a PDF whose lines are the bill's, and no invoice for lines that do not add up."""

import re
import zlib
from datetime import UTC

import pytest
from adplatform.v1 import reporting_pb2 as pb

from console.invoice import draw_invoice


def bill(count: int, more_nanos: int = 0) -> pb.GetBillResponse:
    lines = [
        pb.BillLine(
            campaign_id=f"campaign-{number}",
            account="acme",
            category="Töpfe & Pfannen 🍳 — কলকাতা",
            impressions=10,
            clicks=2,
            charged_nanos=1_000_000_001 + number,
        )
        for number in range(count)
    ]
    total = pb.BillLine(campaign_id="Total", charged_nanos=sum(line.charged_nanos for line in lines) + more_nanos)
    return pb.GetBillResponse(period="All events (UTC)", currency="USD", lines=lines, total=total)


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", document))


def test_an_invoice_has_every_line() -> None:
    short, long = (draw_invoice(bill(count), "acme", UTC) for count in (1, 100))
    assert short.startswith(b"%PDF-") and pages(short) == 1 and pages(long) == 3
    streams = [zlib.decompress(part) for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", long, re.DOTALL)[:3]]
    rows = sum(stream.count(b" Td ") or stream.count(b" Tj") for stream in streams)
    assert rows >= 100 * 6


def test_no_invoice_without_a_right_sum() -> None:
    with pytest.raises(ValueError, match="add up"):
        draw_invoice(bill(3, more_nanos=1), "", UTC)


def test_an_empty_bill() -> None:
    assert pages(draw_invoice(bill(0), "", UTC)) == 1
