"""Figures as pages show them. Pure."""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from marketplace.money import NANOS_PER_UNIT, format_nanos

NOTHING: Final = "–"
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


def amount(nanos: int, least: int = 2) -> str:
    """Writes an amount exactly, with as many decimals as it needs and `least` at least: `1,234.50`, `0.00066`."""
    return format_nanos(nanos, decimals_of([nanos], least))


def rounded(nanos: int) -> str:
    """Writes an amount for an overview: two decimals, or two digits that count where it is below a unit."""
    if nanos == 0:
        return "0.00"
    decimals = 2
    while abs(nanos) < 10 ** (9 - decimals + 1) and decimals < 9:
        decimals += 1
    return format_nanos(nanos, decimals)


def decimals_of(amounts: list[int], least: int = 2) -> int:
    """Returns how many decimals show all of these without rounding, at least so many."""
    return max([least, *(len(f"{abs(nanos) % NANOS_PER_UNIT:09d}".rstrip("0")) for nanos in amounts)])


def plain(nanos: int) -> str:
    """Writes an amount as a form field holds it: no separators, no zeros at the end."""
    return f"{Decimal(nanos).scaleb(-9).normalize():f}"


def count(number: int) -> str:
    """Writes a whole number."""
    return f"{number:,}"


def rate(part: float, whole: float) -> str:
    """Writes a share, such as `1.25 %`."""
    return f"{part / whole:.2%}" if whole else NOTHING


def per_second(number: int, seconds: float) -> str:
    """Writes a frequency."""
    if not seconds:
        return NOTHING
    found = number / seconds
    return f"{found:,.0f}" if found >= 100 else f"{found:.1f}"


def instant(stamp: Any, zone: tzinfo) -> str:
    """Writes a protobuf timestamp for people: `24 Nov 2026, 14:05`, with seconds where it has some."""
    local = datetime.fromtimestamp(stamp.seconds, zone)
    return f"{local.day} {local:%b %Y, %H:%M:%S}" if local.second else f"{local.day} {local:%b %Y, %H:%M}"


def short_instant(stamp: Any, zone: tzinfo, now: datetime) -> str:
    """Writes a protobuf timestamp to the minute, without the year where that is this one's: `24 Nov, 14:05`."""
    local = datetime.fromtimestamp(stamp.seconds, zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


def iso(stamp: Any) -> str:
    """Writes a protobuf timestamp for machines."""
    return datetime.fromtimestamp(stamp.seconds, UTC).isoformat().replace("+00:00", "Z")


def local_input(stamp: Any, zone: tzinfo) -> str:
    """Writes a protobuf timestamp as a `datetime-local` field holds it."""
    return datetime.fromtimestamp(stamp.seconds, zone).strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")


def span(seconds: float) -> str:
    """Writes how long something takes: `45 s`, `12 min`, `3 h`, `2 days`."""
    seconds = abs(seconds)
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < 2 * _DAY_S:
        return f"{seconds / _HOUR_S:.0f} h"
    return f"{seconds / _DAY_S:,.0f} days"


def until(stamp: Any, now: datetime) -> str:
    """Writes how far away an instant is: `in 3 h`, `2 days ago`."""
    seconds = (datetime.fromtimestamp(stamp.seconds, UTC) - now).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else f"{span(seconds)} ago"


def targeting(target: Any) -> str:
    """Writes whom a campaign reaches, in a line."""
    words = [word for word in (target.city, target.state, target.country) if not everyone(word)]
    where = ", ".join(words)
    who = {"F": "women", "M": "men"}.get(target.gender.upper(), "")
    if target.age_start or target.age_end:
        who = f"{who or 'ages'} {target.age_start}–{target.age_end}"
    income = {"H": "high income", "M": "medium income", "L": "low income"}.get(target.income_bucket.upper(), "")
    device = "" if everyone(target.device) else target.device
    return " · ".join(word for word in (who, income, device, where) if word) or "everyone"


def everyone(value: str) -> bool:
    """Tells whether a target stands for all."""
    return value.strip().casefold() in ("", "all")
