"""The pages of the bill over a fake reporting service: an invoice of many pages, and the ledger's word for everyone."""

import io
from typing import Any

import httpx
import pytest
from adplatform.v1 import reporting_pb2 as pb
from fake_mesh import Stub, client_of, site_of
from pypdf import PdfReader

pytestmark = pytest.mark.anyio
UNIT = 10**9


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def answer(count: int, **more: Any) -> Any:
    """Returns a service with a bill of so many lines, of two accounts, one unit each."""

    def get_bill(request: pb.GetBillRequest) -> pb.GetBillResponse:
        start = int(request.page_token.partition("-")[2] or 0)
        end = min(start + (request.page_size or 1_000), count)
        found = pb.GetBillResponse(
            period="All events (UTC)",
            currency="USD",
            lines=[_line(number) for number in range(start, end)],
            total=pb.BillLine(charged_nanos=count * UNIT),
            total_size=count,
            next_page_token=f"name-{end}" if end < count else "",
            **more,
        )
        if request.compare_ledger:
            found.ledger.CopyFrom(_ledger(count))
        return found

    return get_bill


def _line(number: int) -> pb.BillLine:
    return pb.BillLine(campaign_id=f"c{number}", account=f"a{number % 2}", category="Toys", charged_nanos=UNIT)


def _ledger(count: int) -> pb.LedgerComparison:
    half = pb.AccountSums(lines=count // 2, charged_nanos=count // 2 * UNIT, ledger_nanos=count // 2 * UNIT)
    ledger = pb.LedgerComparison(ok=True, campaigns=count, account_count=2)
    ledger.total.CopyFrom(pb.AccountSums(lines=count, charged_nanos=count * UNIT, ledger_nanos=count * UNIT))
    for name in ("a0", "a1"):
        half.account = name
        ledger.accounts.append(half)
    return ledger


async def get(path: str, reporting: Stub) -> httpx.Response:
    _, app = site_of(reporting=reporting)
    async with client_of(app) as client:
        return await client.get(path)


async def test_an_invoice_takes_all_pages_of_one_bill() -> None:
    reporting = Stub(GetBill=answer(4_500))
    found = await get("/bill.pdf", reporting)
    assert found.status_code == 200, found.text
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(found.content)).pages)
    assert "Total charged: 4,500.00 USD" in text and "Total of 4,500 campaigns" in text
    asked = [request for name, request, _ in reporting.calls if name == "GetBill"]
    assert [request.page_token for request in asked] == ["", "name-2000", "name-4000"]
    assert [request.compare_ledger for request in asked] == [True, False, False]


async def test_an_invoice_that_does_not_add_up_is_refused_with_a_sentence() -> None:
    def broken(request: pb.GetBillRequest) -> pb.GetBillResponse:
        found: pb.GetBillResponse = answer(4)(request)
        found.total.charged_nanos += 1
        return found

    found = await get("/bill.pdf", Stub(GetBill=broken))
    assert found.status_code == 400 and "There is no invoice: the lines of the bill do not add up" in found.text


async def test_the_ledger_under_the_bill() -> None:
    found = await get("/bill/ledger?account=", Stub(GetBill=answer(4)))
    assert found.status_code == 200, found.text
    for part in ("Adds up", "campaign by campaign (4 compared)", "By account", "account=a1"):
        assert part in found.text


async def test_the_table_says_what_it_leaves_out() -> None:
    found = await get("/bill/table", Stub(GetBill=answer(300, on_the_way_nanos=UNIT // 2, note="Some are retired.")))
    for part in ("the 200 highest of 300 lines", "The other 100 are in the", "0.50 more was charged in this period"):
        assert part in found.text
    assert "Some are retired." in found.text


async def test_everyone_gets_the_reconciliation_of_the_bill() -> None:
    reporting = Stub(
        ListChoices=pb.ListChoicesResponse(), GetCaller=pb.GetCallerResponse(name="m", role="manager", account="acme")
    )
    found = await get("/bill?from=2025-09-01", reporting)
    assert found.status_code == 200 and "/bill/ledger?from=2025-09-01" in found.text
