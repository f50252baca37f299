"""Bills, reports and reconciliations in protobuf."""

from datetime import datetime, tzinfo
from typing import Final

from adplatform.v1 import reporting_pb2 as pb

from reporting.bill import BillLine
from reporting.cells import Cell, Kind
from reporting.period import Period, parse_period, parse_time_zone
from reporting.queries import By
from reporting.reports import ReportResult
from reporting.service.wire import moment
from reporting.summary import ReconciliationSummary

GROUPINGS: Final[dict[int, By]] = {
    pb.GROUPING_UNSPECIFIED: By.USER,
    pb.GROUPING_USER: By.USER,
    pb.GROUPING_TARGET: By.TARGET,
}
_KINDS: Final = {
    Kind.TEXT: pb.COLUMN_KIND_TEXT,
    Kind.CODE: pb.COLUMN_KIND_CODE,
    Kind.COUNT: pb.COLUMN_KIND_COUNT,
    Kind.MONEY: pb.COLUMN_KIND_MONEY,
    Kind.RATE: pb.COLUMN_KIND_RATE,
}
_MOST: Final = 2**63 - 1


def period_of(message: pb.ReportPeriod, zone: tzinfo) -> Period:
    """Reads a period; `zone` is the installation's. Raises InvalidArgument."""
    own = parse_time_zone(message.time_zone) if message.time_zone else zone
    return parse_period(message.start or None, message.end or None, own)


def line_to_proto(line: BillLine) -> pb.BillLine:
    """Writes a line of a bill."""
    names = (field.name for field in pb.BillLine.DESCRIPTOR.fields)
    return pb.BillLine(**{name: getattr(line, name) for name in names})


def put_report(result: ReportResult, limit: int, into: pb.GetReportResponse) -> None:
    """Writes a report's columns and at most `limit` of its rows; words stand for codes already."""
    report = result.report
    into.number, into.title, into.about = report.number, report.title, report.about
    into.chart_column = report.chart or ""
    into.total_size = len(result.rows)
    into.columns.extend(
        pb.ReportColumn(name=column.name, title=column.title, kind=_KINDS[column.kind]) for column in report.columns
    )
    for row in result.rows[:limit]:
        cells = (
            _cell(column.words.get(str(value), value) if isinstance(value, str) else value, column.kind)
            for value, column in zip(row, report.columns, strict=True)
        )
        into.rows.append(pb.ReportRow(cells=cells))


def _cell(value: Cell, kind: Kind) -> pb.ReportCell:
    if value is None:
        return pb.ReportCell()
    match kind:
        case Kind.MONEY:
            return pb.ReportCell(nanos=int(value))
        case Kind.COUNT:
            return pb.ReportCell(count=int(value))
        case Kind.RATE:
            return pb.ReportCell(rate=float(value))
        case Kind.TEXT | Kind.CODE:
            return pb.ReportCell(text=str(value))


def reconciliation_to_proto(
    made_at: datetime, summary: ReconciliationSummary, currency: str
) -> pb.GetReconciliationResponse:
    """Writes what a reconciliation found."""
    return pb.GetReconciliationResponse(
        as_of_time=moment(made_at),
        ok=summary.ok,
        findings=summary.findings,
        campaigns=summary.campaigns,
        archived_events=summary.archived_events,
        archived_nanos=summary.archived_nanos,
        ledger_nanos=summary.ledger_nanos,
        difference_nanos=summary.difference_nanos,
        in_flight_events=summary.in_flight_events,
        twice=summary.twice,
        gaps=summary.gaps,
        overspent_campaigns=summary.overspent_campaigns,
        currency=currency,
    )
