"""The ten reports of a period, with their charts."""

import asyncio
from typing import Any, Final
from urllib.parse import urlencode

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response

from console import shown
from console.calls import LONG_CALL_S
from console.site import site_of
from marketplace.money import format_nanos

NUMBERS: Final = range(1, 11)
_ROWS: Final = 50
_GROUPINGS: Final = {"user": pb.GROUPING_USER, "target": pb.GROUPING_TARGET}
_NUMBERS: Final = (pb.COLUMN_KIND_COUNT, pb.COLUMN_KIND_MONEY, pb.COLUMN_KIND_RATE)


async def reports(request: Request) -> Response:
    """GET /reports: the page; the reports come after it, because the archive has to be read."""
    asked = asked_of(request)
    query = urlencode({name: value for name, value in asked.items() if value})
    return site_of(request).page(request, "reports.html", active="reports", asked=asked, query=query)


async def all_reports(request: Request) -> Response:
    """GET /reports/all: the ten of them, from one reading of the archive."""
    site, asked = site_of(request), asked_of(request)

    async def one(number: int) -> pb.GetReportResponse:
        message = pb.GetReportRequest(
            number=number,
            period=pb.ReportPeriod(start=asked["from"], end=asked["to"]),
            grouping=_GROUPINGS[asked["by"]],
            max_rows=_ROWS,
        )
        found: pb.GetReportResponse = await site.call(request, site.mesh.reporting.GetReport, message, LONG_CALL_S)
        return found

    found = await asyncio.gather(*(one(number) for number in NUMBERS))
    return site.page(request, "reports_all.html", reports=[shown_report(report) for report in found], first=found[0])


def asked_of(request: Request) -> dict[str, str]:
    """Reads the period and the grouping."""
    query = request.query_params
    by = query.get("by", "user")
    asked = {name: query.get(name, "").strip()[:40] for name in ("from", "to")}
    return asked | {"by": by if by in _GROUPINGS else "user"}


def shown_report(report: pb.GetReportResponse) -> dict[str, Any]:
    """Returns a report as the page shows it: texts by column, and bars where it has a chart."""
    columns = [
        {"title": column.title, "number": column.kind in _NUMBERS, "code": column.kind == pb.COLUMN_KIND_CODE}
        for column in report.columns
    ]
    texts = [column_texts(report, place) for place in range(len(report.columns))]
    return {
        "report": report,
        "columns": columns,
        "rows": list(zip(*texts, strict=True)) if report.rows else [],
        "bars": bars_of(report, texts),
        "more": report.total_size - len(report.rows),
        "campaigns": [place for place, column in enumerate(report.columns) if column.name == "campaign_id"],
    }


def column_texts(report: pb.GetReportResponse, place: int) -> list[str]:
    """Writes a column; its amounts exactly, with as many decimals as the longest of them needs."""
    cells = [row.cells[place] for row in report.rows]
    decimals = shown.decimals_of([cell.nanos for cell in cells if cell.WhichOneof("value") == "nanos"])
    return [_text(cell, decimals) for cell in cells]


def bars_of(report: pb.GetReportResponse, texts: list[list[str]]) -> list[dict[str, Any]]:
    """Returns the bars of a report's chart: label, value, and width in per cent of the longest."""
    names = [column.name for column in report.columns]
    if report.chart_column not in names:
        return []
    place = names.index(report.chart_column)
    values = [_number(row.cells[place]) for row in report.rows]
    longest = max(values, default=0.0) or 1.0
    return [
        {"label": texts[0][row], "value": texts[place][row], "width": round(100 * value / longest, 2)}
        for row, value in enumerate(values)
    ]


def _text(cell: pb.ReportCell, decimals: int) -> str:
    match cell.WhichOneof("value"):
        case "text":
            return cell.text
        case "count":
            return shown.count(cell.count)
        case "nanos":
            return format_nanos(cell.nanos, decimals)
        case "rate":
            return f"{cell.rate:.2%}"
    return shown.NOTHING


def _number(cell: pb.ReportCell) -> float:
    kind = cell.WhichOneof("value")
    return float(getattr(cell, kind)) if kind in ("count", "nanos", "rate") else 0.0
