"""The lines of a bill as CSV: plain numbers with all nine decimals. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from adplatform.v1 import reporting_pb2 as pb

_COLUMNS: Final = (
    *("campaign_id", "account", "category", "impressions", "clicks", "acquisitions"),
    *("charged", "uncharged", "budget", "leftover"),
)
_AMOUNTS: Final = ("charged", "uncharged", "budget", "leftover")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_head() -> str:
    """Writes the names of the columns."""
    return _written([_COLUMNS])


def csv_lines(lines: Iterable[pb.BillLine]) -> str:
    """Writes lines."""
    return _written([_cells(line) for line in lines])


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
