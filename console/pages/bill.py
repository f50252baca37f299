"""The bill of a period: on a page, as CSV, as an invoice; and the reconciliation under it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlencode

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from console import shown
from console.bill_csv import csv_head, csv_lines
from console.calls import LONG_CALL_S, Refused
from console.invoice import draw_invoice
from console.invoice_ledger import coming_sentence, purged_sentence, verdict
from console.site import site_of

_LINES: Final = 200
_AT_A_TIME: Final = 2_000


async def bill(request: Request) -> Response:
    """GET /bill: the page; the table comes after it, because the archive has to be read."""
    site = site_of(request)
    choices = await site.call(request, site.mesh.reporting.ListChoices, pb.ListChoicesRequest())
    return site.page(
        request, "bill.html", active="bill", choices=choices, asked=asked_of(request), query=_query(request)
    )


async def bill_table(request: Request) -> Response:
    """GET /bill/table: the lines."""
    site = site_of(request)
    found = await _page(request, _LINES, "")
    return site.page(
        request,
        "bill_table.html",
        found=found,
        asked=asked_of(request),
        query=_query(request),
        decimals=decimals(found, "charged", "uncharged", "leftover"),
        budget_decimals=decimals(found, "budget"),
        several=len({line.account for line in found.lines}) > 1,
    )


async def bill_ledger(request: Request) -> Response:
    """GET /bill/ledger: what the ledger says of the lines, in all and by account."""
    found = await _page(request, 1, "", compare=True)
    ledger = found.ledger
    said = [verdict(ledger), purged_sentence(ledger, found.currency), coming_sentence(ledger, found.currency)]
    sums = ("charged", "ledger", "purged", "on_the_way", "difference")
    amounts = [getattr(account, f"{name}_nanos") for account in ledger.accounts for name in sums]
    return site_of(request).page(
        request,
        "bill_ledger.html",
        asked=asked_of(request),
        found=found,
        ledger=ledger,
        said=said,
        decimals=shown.decimals_of(amounts),
    )


async def reconciliation(request: Request) -> Response:
    """GET /bill/reconciliation: whether archive and ledger agree."""
    site = site_of(request)
    message = pb.GetReconciliationRequest()
    found = await site.call(request, site.mesh.reporting.GetReconciliation, message, LONG_CALL_S)
    return site.page(request, "reconciliation.html", found=found)


async def bill_csv(request: Request) -> Response:
    """GET /bill.csv: every line, plain numbers with all nine decimals."""
    first = await _page(request, _AT_A_TIME, "")
    headers = {"content-disposition": 'attachment; filename="bill.csv"', "x-as-of": shown.iso(first.as_of_time)}
    return StreamingResponse(_csv(request, first), media_type="text/csv; charset=utf-8", headers=headers)


async def bill_pdf(request: Request) -> Response:
    """GET /bill.pdf: the invoice, with what the ledger says of it."""
    found = await _page(request, _AT_A_TIME, "", compare=True)
    token = found.next_page_token
    while token:
        page = await _page(request, _AT_A_TIME, token)
        found.lines.extend(page.lines)
        token = page.next_page_token
    try:
        document = await asyncio.to_thread(draw_invoice, found, asked_of(request)["account"], site_of(request).zone)
    except ValueError as problem:
        raise Refused("FAILED_PRECONDITION", f"there is no invoice: {problem}") from None
    headers = {"content-disposition": 'inline; filename="invoice.pdf"'}
    return Response(document, media_type="application/pdf", headers=headers)


def asked_of(request: Request) -> dict[str, str]:
    """Reads the period and the filters."""
    query = request.query_params
    return {name: query.get(name, "").strip()[:255] for name in ("from", "to", "account", "campaign")}


def decimals(found: pb.GetBillResponse, *names: str) -> int:
    """Returns how many decimals show every amount of some columns exactly."""
    lines = (*found.lines, found.total)
    return shown.decimals_of([getattr(line, f"{name}_nanos") for line in lines for name in names])


async def _page(request: Request, size: int, token: str, compare: bool = False) -> pb.GetBillResponse:
    site, asked = site_of(request), asked_of(request)
    message = pb.GetBillRequest(
        period=pb.ReportPeriod(start=asked["from"], end=asked["to"]),
        account=asked["account"],
        campaign_id=asked["campaign"],
        page_size=size,
        page_token=token,
        compare_ledger=compare,
    )
    found: pb.GetBillResponse = await site.call(request, site.mesh.reporting.GetBill, message, LONG_CALL_S)
    return found


async def _csv(request: Request, first: pb.GetBillResponse) -> AsyncIterator[str]:
    yield csv_head()
    page = first
    while True:
        yield csv_lines(page.lines)
        if not page.next_page_token:
            return
        page = await _page(request, _AT_A_TIME, page.next_page_token)


def _query(request: Request) -> str:
    return urlencode({name: value for name, value in asked_of(request).items() if value})
