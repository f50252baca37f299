"""Reports as pages show them: columns written alike, and bars as long as their values."""

import pytest
from adplatform.v1 import reporting_pb2 as pb

from console.pages.reports import bars_of, column_texts, shown_report

TEXT, MONEY, COUNT, RATE = pb.COLUMN_KIND_TEXT, pb.COLUMN_KIND_MONEY, pb.COLUMN_KIND_COUNT, pb.COLUMN_KIND_RATE


def row(text: str, count: int, nanos: int, rate: float | None) -> pb.ReportRow:
    last = pb.ReportCell() if rate is None else pb.ReportCell(rate=rate)
    return pb.ReportRow(cells=[pb.ReportCell(text=text), pb.ReportCell(count=count), pb.ReportCell(nanos=nanos), last])


def report(chart: str, *rows: pb.ReportRow) -> pb.GetReportResponse:
    names = (("campaign_id", TEXT), ("clicks", COUNT), ("charged", MONEY), ("ctr", RATE))
    columns = [pb.ReportColumn(name=name, title=name.title(), kind=kind) for name, kind in names]
    return pb.GetReportResponse(number=1, chart_column=chart, columns=columns, rows=rows, total_size=len(rows) + 3)


ROWS = (row("a", 1_000, 2 * 10**9, 0.125), row("b", 250, 500_000, None))


def test_a_columns_amounts_have_as_many_decimals_as_the_longest() -> None:
    found = report("clicks", *ROWS)
    assert column_texts(found, 2) == ["2.0000", "0.0005"]
    assert column_texts(found, 1) == ["1,000", "250"] and column_texts(found, 3) == ["12.50%", "–"]


@pytest.mark.parametrize(
    ("chart", "widths", "values"),
    [
        ("clicks", [100.0, 25.0], ["1,000", "250"]),
        ("charged", [100.0, 0.03], ["2.0000", "0.0005"]),
        ("ctr", [100.0, 0.0], ["12.50%", "–"]),
    ],
)
def test_bars_are_as_long_as_their_values(chart: str, widths: list[float], values: list[str]) -> None:
    bars = shown_report(report(chart, *ROWS))["bars"]
    assert [bar["label"] for bar in bars] == ["a", "b"]
    assert [bar["width"] for bar in bars] == widths and [bar["value"] for bar in bars] == values


def test_without_a_chart_or_rows_or_values_there_are_no_long_bars() -> None:
    assert bars_of(report("", *ROWS), [["a", "b"]] * 4) == []
    assert bars_of(report("clicks"), [[]] * 4) == []
    assert [bar["width"] for bar in shown_report(report("clicks", row("a", 0, 0, None)))["bars"]] == [0.0]
    found = shown_report(report("clicks", *ROWS))
    assert found["more"] == 3 and found["campaigns"] == [0] and found["rows"][1] == ("b", "250", "0.0005", "–")
