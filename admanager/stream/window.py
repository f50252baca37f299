"""The window of a command as text: `date_range` and `time_range` are ONE interval, start date + start time to end
date + end time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from admanager.stream.command import Fields

_DATE: Final = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)", re.ASCII)
_TIME: Final = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TextWindow:
    """A command's window: two instants, UTC, to the second."""

    start: datetime
    end: datetime

    def shifted(self, by: timedelta) -> "TextWindow":
        """Returns the window moved, its length unchanged. Raises OverflowError past the year 9999."""
        return TextWindow(self.start + by, self.end + by)


def read_window(fields: Fields, zone: tzinfo) -> TextWindow | None:
    """Returns a command's window, meant in `zone`; None where it has none that can be read."""
    dates, times = fields.get("date_range"), fields.get("time_range")
    if not isinstance(dates, Mapping) or not isinstance(times, Mapping):
        return None
    start, end = (_instant(dates.get(edge), times.get(edge), zone) for edge in ("start", "end"))
    return TextWindow(start, end) if start and end else None


def write_window(fields: Fields, window: TextWindow, zone: tzinfo) -> dict[str, object]:
    """Returns the fields with another window, in the real stream's form: `2025-09-12`, `5:00:00`."""
    edges = {"start": window.start.astimezone(zone), "end": window.end.astimezone(zone)}
    return {
        **fields,
        "date_range": {edge: local.date().isoformat() for edge, local in edges.items()},
        "time_range": {edge: f"{local.hour}:{local:%M:%S}" for edge, local in edges.items()},
    }


def _instant(date: object, time: object, zone: tzinfo) -> datetime | None:
    if not isinstance(date, str) or not isinstance(time, str):
        return None
    day, clock = _DATE.fullmatch(date.strip()), _TIME.fullmatch(time.strip())
    if not day or not clock:
        return None
    year, month, day_of_month = map(int, day.groups())
    hour, minute, second = (int(part or 0) for part in clock.groups())
    try:
        return datetime(year, month, day_of_month, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
