"""The period of a report: [start, end) in UTC, given as dates or times in the billing time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketplace.errors import InvalidArgument

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER_ALL = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end) as aware UTC datetimes; None leaves that side open. `time_zone` is the one to show times in."""

    start: datetime | None = None
    end: datetime | None = None
    time_zone: tzinfo = UTC

    def sql_bounds(self) -> tuple[str, str]:
        """Returns start and end as SQL timestamp literals, in UTC as the archive keeps its times."""
        return _literal(self.start or _BEFORE_ALL), _literal(self.end or _AFTER_ALL)

    def describe(self) -> str:
        """Says the period for people, in the billing time zone."""
        zone = f"({self.time_zone})"
        if self.start and self.end:
            return f"{self.show(self.start)} to {self.show(self.end)}, end not included {zone}"
        if self.start:
            return f"From {self.show(self.start)} on {zone}"
        if self.end:
            return f"Before {self.show(self.end)} {zone}"
        return f"All events {zone}"

    def show(self, time: datetime) -> str:
        """Writes an instant in the billing time zone, such as `2025-09-01 17:30`."""
        local = time.astimezone(self.time_zone).replace(tzinfo=None)
        return local.isoformat(sep=" ", timespec="auto" if local.second or local.microsecond else "minutes")


def parse_time_zone(name: str) -> tzinfo:
    """Finds a time zone such as `UTC` or `Asia/Kolkata`. Raises InvalidArgument when there is none of that name."""
    if name.upper() == "UTC":
        return UTC  # needs no time zone database, which a slim machine may lack
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgument(f"{name!r:.60} is not a known time zone", "time_zone") from None


def parse_period(start: str | None, end: str | None, time_zone: tzinfo = UTC) -> Period:
    """Reads `--from` and `--to`: ISO dates (their midnight) or datetimes, in `time_zone` unless they name an offset.

    The end is not included. Raises InvalidArgument for what is not a date, or an end that is not after the start.
    """
    period = Period(_parse(start, "from", time_zone), _parse(end, "to", time_zone), time_zone)
    if period.start and period.end and period.end <= period.start:
        raise InvalidArgument(f"--to {end} is not after --from {start}", "to")
    return period


def _parse(text: str | None, field: str, time_zone: tzinfo) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        instant = (time if time.tzinfo else time.replace(tzinfo=time_zone)).astimezone(UTC)
        instant.astimezone(time_zone)  # in which it is shown: it may lie beyond the calendar there
        return instant
    except (ValueError, OverflowError):
        message = f"--{field} {text!r:.60} is not a date such as 2025-09-01 or a time such as 2025-09-01T17:30"
        raise InvalidArgument(message, field) from None


def _literal(time: datetime) -> str:
    naive = time.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{naive.isoformat(sep=' ', timespec='microseconds')}'"
