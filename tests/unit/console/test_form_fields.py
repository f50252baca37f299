"""What the form of a campaign takes, and what it says beside a field that is wrong."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from console.fields import NAMES, read_form
from marketplace.campaign import Targeting

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
RIGHT = {
    "text": "Mugs",
    "category": "Home",
    "keywords": "mug,tea",
    "gender": "F",
    "age_start": "20",
    "age_end": "40",
    "income_bucket": "All",
    "city": " Mumbai ",
    "state": "",
    "country": "all",
    "device": "All",
    "cpc": "0.0007",
    "cpa": "0.06",
    "budget": "5",
    "start": "2026-01-15T12:00",
    "end": "2026-01-16T12:00:30",
    "account": "",
}


def errors(running: bool = False, **changed: str) -> dict[str, str]:
    return read_form(RIGHT | changed, UTC, NOW, running).errors


def test_a_form_that_is_right() -> None:
    reading = read_form(RIGHT, UTC, NOW)
    assert reading.errors == {} and reading.campaign
    assert set(RIGHT) == set(NAMES)
    campaign = reading.campaign
    assert (campaign.cpc_nanos, campaign.cpa_nanos, campaign.budget_nanos) == (700_000, 60_000_000, 5 * 10**9)
    assert campaign.targeting == Targeting(gender="F", age_start=20, age_end=40, city="Mumbai", country="all")
    assert campaign.end == datetime(2026, 1, 16, 12, 0, 30, tzinfo=UTC)


def test_times_are_in_the_installations_zone() -> None:
    reading = read_form(RIGHT, ZoneInfo("Asia/Kolkata"), NOW)
    assert reading.campaign and reading.campaign.start == datetime(2026, 1, 15, 6, 30, tzinfo=UTC)


def test_an_empty_form_says_what_is_needed() -> None:
    needed = {"text", "category", "cpc", "cpa", "budget", "start", "end"}
    assert set(read_form({}, UTC, NOW).errors) == needed
    assert read_form({}, UTC, NOW).campaign is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("text", " \n ", "Needed"),
        ("text", "x" * 4_001, "Longer than 4,000 characters, by 1"),
        ("category", "x" * 256, "Longer than 255"),
        ("gender", "X", "One of All, F, M"),
        ("income_bucket", "rich", "One of All, H, M, L"),
        ("age_start", "-1", "whole number"),
        ("age_end", "151", "0 to 150"),
        ("age_end", "٣", "whole number"),
        ("age_end", "19", "Below the youngest age"),
        ("cpc", "", "Needed"),
        ("cpc", "1e3000", "out of range"),
        ("cpa", "-1", "negative"),
        ("cpa", "1000001", "above"),
        ("budget", "NaN", "not a finite"),
        ("budget", "0", "Above 0"),
        ("budget", "0.0000000001", "more than 9 decimals"),
        ("budget", "1,000", "not an amount"),
        ("start", "yesterday", "A date and time"),
        ("start", "0001-01-01T00:00+23:00", "A date and time"),
        ("end", "2026-01-15T12:00", "Not after the start"),
    ],
)
def test_what_is_wrong_with_a_field(field: str, value: str, said: str) -> None:
    found = errors(**{field: value})
    assert said in found[field] and len(found) == 1


def test_a_campaign_that_bids_nothing_is_never_shown() -> None:
    assert "bids nothing" in errors(cpc="0", cpa="0")["cpc"]
    assert errors(cpc="0") == {} and errors(cpa="0") == {}


def test_a_new_campaign_must_not_be_over_and_a_running_one_may_end_now() -> None:
    past = {"start": "2026-01-14T12:00", "end": "2026-01-15T11:00"}
    assert "In the past" in errors(**past)["end"]
    assert errors(running=True, **past) == {}
