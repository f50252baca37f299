"""The fields of a campaign as a form sends them: read, and what is wrong with each said beside it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from marketplace.bids import bid_key
from marketplace.campaign import Targeting
from marketplace.money import MAX_BUDGET_NANOS, MAX_PRICE_NANOS, parse_nanos

MAX_TEXT: Final = 4_000
MAX_NAME: Final = 255
MAX_AGE: Final = 150
TEXTS: Final = ("text", "category", "keywords")
PLACES: Final = ("city", "state", "country", "device")
NAMES: Final = (
    *TEXTS,
    *("gender", "age_start", "age_end", "income_bucket"),
    *PLACES,
    *("cpc", "cpa", "budget", "start", "end", "account"),
)
PARTNERS: Final = {
    "age_start": ("age_start", "age_end"),
    "age_end": ("age_start", "age_end"),
    "start": ("start", "end"),
    "end": ("start", "end"),
    "cpc": ("cpc", "cpa"),
    "cpa": ("cpc", "cpa"),
}
"""Fields that are right or wrong together."""

_GENDERS: Final = ("All", "F", "M")
_INCOMES: Final = ("All", "H", "M", "L")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFields:
    """A campaign as a form says it. Money in nanos, times aware UTC."""

    text: str
    category: str
    keywords: str
    targeting: Targeting
    cpc_nanos: int
    cpa_nanos: int
    budget_nanos: int
    start: datetime
    end: datetime
    account: str


@dataclass
class Reading:
    """What was read of a form: the campaign where every field is right, and messages by field."""

    errors: dict[str, str] = field(default_factory=dict)
    campaign: CampaignFields | None = None


def read_form(values: Mapping[str, str], zone: tzinfo, now: datetime, running: bool = False) -> Reading:
    """Reads a form; times are in `zone`. `running` lets a start lie in the past without a word."""
    reading = Reading()
    read = _Reader(values, reading.errors, zone)
    text = read.text("text", MAX_TEXT, needed=True)
    category = read.text("category", MAX_NAME, needed=True)
    keywords = read.text("keywords", MAX_TEXT)
    account = read.text("account", MAX_NAME)
    targeting = Targeting(
        gender=read.one_of("gender", _GENDERS),
        age_start=read.age("age_start"),
        age_end=read.age("age_end"),
        income_bucket=read.one_of("income_bucket", _INCOMES),
        **{name: read.text(name, MAX_NAME).strip() or "All" for name in PLACES},
    )
    cpc, cpa = (read.amount(name, MAX_PRICE_NANOS) for name in ("cpc", "cpa"))
    budget = read.amount("budget", MAX_BUDGET_NANOS)
    start, end = read.time("start"), read.time("end")
    _check_ages(targeting, reading.errors)
    _check_money(cpc, cpa, budget, reading.errors)
    if start and end:
        _check_window(start, end, now, running, reading.errors)
    if start and end and cpc is not None and cpa is not None and budget is not None and not reading.errors:
        reading.campaign = CampaignFields(
            text=text,
            category=category,
            keywords=keywords,
            targeting=targeting,
            cpc_nanos=cpc,
            cpa_nanos=cpa,
            budget_nanos=budget,
            start=start,
            end=end,
            account=account.strip(),
        )
    return reading


class _Reader:
    def __init__(self, values: Mapping[str, str], errors: dict[str, str], zone: tzinfo) -> None:
        self._values, self._errors, self._zone = values, errors, zone

    def text(self, name: str, limit: int, needed: bool = False) -> str:
        value = self._values.get(name, "").replace("\r\n", "\n")
        if needed and not value.strip():
            self._errors[name] = "Needed."
        elif len(value) > limit:
            self._errors[name] = f"Longer than {limit:,} characters, by {len(value) - limit:,}."
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._values.get(name, "").strip() or choices[0]
        if value not in choices:
            self._errors[name] = f"One of {', '.join(choices)}."
        return value

    def age(self, name: str) -> int:
        value = self._values.get(name, "").strip() or "0"
        if not (value.isascii() and value.isdecimal() and int(value[:4]) <= MAX_AGE):
            self._errors[name] = f"A whole number of years, 0 to {MAX_AGE}."
            return 0
        return int(value)

    def amount(self, name: str, limit: int) -> int | None:
        value = self._values.get(name, "").strip()
        if not value:
            self._errors[name] = "Needed; 0 for none." if name != "budget" else "Needed."
            return None
        try:
            return parse_nanos(value, limit)
        except ValueError as problem:
            self._errors[name] = _sentence(str(problem))
            return None

    def time(self, name: str) -> datetime | None:
        value = self._values.get(name, "").strip()
        if not value:
            self._errors[name] = "Needed."
            return None
        try:
            local = datetime.fromisoformat(value)
            return (local if local.tzinfo else local.replace(tzinfo=self._zone)).astimezone(UTC).replace(microsecond=0)
        except (ValueError, OverflowError):
            self._errors[name] = "A date and time such as 2026-01-31T12:00."
            return None


def _check_ages(targeting: Targeting, errors: dict[str, str]) -> None:
    if "age_start" in errors or "age_end" in errors:
        return
    if targeting.age_end < targeting.age_start:
        errors["age_end"] = "Below the youngest age; leave both at 0 for all ages."


def _check_money(cpc: int | None, cpa: int | None, budget: int | None, errors: dict[str, str]) -> None:
    if cpc is not None and cpa is not None and bid_key(cpc, cpa) == 0:
        errors["cpc"] = "With neither a price per click nor per acquisition it bids nothing and is never shown."
    if budget == 0:
        errors["budget"] = "Above 0."


def _check_window(start: datetime, end: datetime, now: datetime, running: bool, errors: dict[str, str]) -> None:
    if end <= start:
        errors["end"] = "Not after the start."
    elif end <= now and not running:
        errors["end"] = "In the past: it would never be shown."


def _sentence(problem: str) -> str:
    return f"{problem[:1].upper()}{problem[1:]}."
