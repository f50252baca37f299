"""The bill of a period: on a page, as CSV, as an invoice; and the reconciliation under it."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from console import shown
from console.calls import LONG_CALL_S, Refused
from console.invoice import MAX_LINES, draw_invoice
from console.site import site_of

_LINES: Final = 200
_AT_A_TIME: Final = 2_000
_COLUMNS: Final = (
    *("campaign_id", "account", "category", "impressions", "clicks", "acquisitions"),
    *("charged", "uncharged", "budget", "leftover"),
)
_AMOUNTS: Final = ("charged", "uncharged", "budget", "leftover")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


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
        on_the_way=max(0, found.ledger_nanos - found.total.charged_nanos),
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
    """GET /bill.pdf: the invoice."""
    site = site_of(request)
    found = await _page(request, MAX_LINES, "")
    if found.next_page_token:
        raise Refused(
            "OUT_OF_RANGE",
            f"an invoice of {found.total_size:,} lines is too long to print, choose an account; the CSV file has all",
        )
    asked = asked_of(request)
    document = await asyncio.to_thread(draw_invoice, found, asked["account"], site.zone)
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


async def _page(request: Request, size: int, token: str) -> pb.GetBillResponse:
    site, asked = site_of(request), asked_of(request)
    message = pb.GetBillRequest(
        period=pb.ReportPeriod(start=asked["from"], end=asked["to"]),
        account=asked["account"],
        campaign_id=asked["campaign"],
        page_size=size,
        page_token=token,
    )
    found: pb.GetBillResponse = await site.call(request, site.mesh.reporting.GetBill, message, LONG_CALL_S)
    return found


async def _csv(request: Request, first: pb.GetBillResponse) -> AsyncIterator[str]:
    yield _written([_COLUMNS])
    page = first
    while True:
        yield _written([_cells(line) for line in page.lines])
        if not page.next_page_token:
            return
        page = await _page(request, _AT_A_TIME, page.next_page_token)


def _cells(line: pb.BillLine) -> list[Any]:
    texts = (line.campaign_id, line.account, line.category)
    # a spreadsheet would run these as formulas
    safe = [f"'{text}" if text.startswith(_FORMULAS) else text for text in texts]
    counts = [line.impressions, line.clicks, line.acquisitions]
    return [*safe, *counts, *(_plain(line, name) for name in _AMOUNTS)]


def _plain(line: pb.BillLine, name: str) -> str:
    nanos = getattr(line, f"{name}_nanos")
    return f"{nanos // 10**9}.{nanos % 10**9:09d}"


def _written(rows: Any) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerows(rows)
    return sink.getvalue()


def _query(request: Request) -> str:
    return urlencode({name: value for name, value in asked_of(request).items() if value})
