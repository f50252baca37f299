"""Readers of a command's fields: each takes the JSON value and returns what the platform keeps, or raises ValueError.

Amounts and ages may be numbers or strings; ranges may be objects, JSON strings or Python-repr strings.
"""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from marketplace.campaign import ALL
from marketplace.money import MAX_BUDGET_NANOS, MAX_PRICE_NANOS, parse_nanos

MAX_TEXT: Final = 4_000
MAX_NAME: Final = 255
MAX_AGE: Final = 150
_ID: Final = re.compile(r"[A-Za-z0-9._:\-]{1,64}")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_MAX_RANGE_TEXT: Final = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Range(Generic[T]):
    """A start and an end, as the stream writes dates, times and ages."""

    start: T
    end: T


def read_id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError("is not an id of 1 to 64 letters, digits or ._:-")
    return value


def _string(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")
    if len(value) > limit:
        raise ValueError(f"is longer than {limit:,} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode") from None
    return value


def _text(value: Any) -> str:
    if not value:
        raise ValueError("is empty")
    return _string(value, MAX_TEXT)


def read_name(value: Any) -> str:
    return _string(value, MAX_NAME)


def _target(value: Any) -> str:
    name = read_name(value).strip()
    return ALL if name.casefold() in ("", ALL.casefold()) else name


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        name = _target(value)
        for choice in choices:
            if name.casefold() == choice.casefold():
                return choice
        raise ValueError(f"{name[:40]!r} is none of {', '.join(choices)}")

    return read


def _range_of(read: Callable[[Any], T]) -> Callable[[Any], Range[T]]:
    def read_range(value: Any) -> Range[T]:
        ends = _range_object(value) if isinstance(value, str) else value
        if not isinstance(ends, dict) or ends.get("start") is None or ends.get("end") is None:
            raise ValueError("is not a range with start and end")
        return Range(read(ends["start"]), read(ends["end"]))

    return read_range


def _range_object(text: str) -> Any:
    if len(text) > _MAX_RANGE_TEXT:
        raise ValueError(f"is longer than {_MAX_RANGE_TEXT} characters")
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError("is not a range with start and end") from None


def _age(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"\d{1,3}", str(value).strip()):
        raise ValueError(f"{str(value)[:40]!r} is not an age")
    age = int(value)
    if age > MAX_AGE:
        raise ValueError(f"{age} is above {MAX_AGE}")
    return age


def _age_range(value: Any) -> Range[int]:
    ages = _range_of(_age)(value)
    if ages.end < ages.start:
        raise ValueError("ends before it starts")
    return ages


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{str(value)[:40]!r} is not a date such as 2025-09-12") from None


def _time(value: Any) -> time:
    match = _TIME.fullmatch(str(value).strip())
    if match:
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        if hours < 24 and minutes < 60 and seconds < 60:
            return time(hours, minutes, seconds)
    raise ValueError(f"{str(value)[:40]!r} is not a time such as 5:00:00")


READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": _text,
    "category": read_name,
    "keywords": lambda value: _string(value, MAX_TEXT),
    "target_gender": _one_of(ALL, "F", "M"),
    "target_age_range": _age_range,
    "target_city": _target,
    "target_state": _target,
    "target_country": _target,
    "target_income_bucket": _one_of(ALL, "H", "M", "L"),
    "target_device": _target,
    "cpc": lambda value: parse_nanos(value, MAX_PRICE_NANOS),
    "cpa": lambda value: parse_nanos(value, MAX_PRICE_NANOS),
    "budget": lambda value: parse_nanos(value, MAX_BUDGET_NANOS),
    "date_range": _range_of(_date),
    "time_range": _range_of(_time),
}
