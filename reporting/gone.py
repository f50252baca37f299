"""What a statement says of the days of its period that are retired: there only sums are left."""

from datetime import UTC, datetime, timedelta
from typing import Final

from marketplace.ports import ArchiveCatalog
from reporting.period import Period
from reporting.queries import load_sql

_QUARTER: Final = timedelta(minutes=15)  # as `retention.sums` adds up


def footnote(catalog: ArchiveCatalog, period: Period) -> str | None:
    """Returns a sentence on how much of the period is retired, and what that means for the figures; None if nothing."""
    first, last, events = catalog.query(load_sql("retired", period)).rows[0]
    if not events:
        return None
    assert isinstance(first, datetime) and isinstance(last, datetime)
    start, end = (period.show(time.replace(tzinfo=UTC)) for time in (first, last + _QUARTER))
    cut = " An edge of the period lies inside a quarter of an hour: such a quarter counts where it begins."
    return (
        f"{int(str(events)):,} events between {start} and {end} are retired from the archive; what is left are sums "
        "per campaign and quarter of an hour. The bill and reports 1, 2, 3 and 9 count them, reports 4 to 8 and 10 do "
        f"not.{cut if _is_cut(period) else ''}"
    )


def _is_cut(period: Period) -> bool:
    edges = [edge for edge in (period.start, period.end) if edge]
    return any(edge.minute % 15 or edge.second or edge.microsecond for edge in edges)
