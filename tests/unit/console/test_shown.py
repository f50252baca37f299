"""How figures are written."""

from datetime import UTC, datetime

import pytest
from adplatform.v1 import campaign_manager_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from console import shown

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def stamp(moment: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


@pytest.mark.parametrize(
    ("nanos", "exact", "short", "field"),
    [
        (0, "0.00", "0.00", "0"),
        (1, "0.000000001", "0.000000001", "0.000000001"),
        (660_000, "0.00066", "0.00066", "0.00066"),
        (1_500_000_000, "1.50", "1.50", "1.5"),
        (1_234_567_890_000, "1,234.56789", "1,234.57", "1234.56789"),
        (500 * 10**9, "500.00", "500.00", "500"),
    ],
)
def test_amounts(nanos: int, exact: str, short: str, field: str) -> None:
    assert (shown.amount(nanos), shown.rounded(nanos), shown.plain(nanos)) == (exact, short, field)


def test_rates_of_nothing_are_no_rates() -> None:
    assert shown.rate(1, 8) == "12.50%"
    assert shown.rate(0, 0) == shown.per_second(5, 0) == shown.NOTHING
    assert (shown.per_second(30, 60), shown.per_second(60_000, 60)) == ("0.5", "1,000")


def test_moments() -> None:
    at = stamp(datetime(2026, 1, 16, 13, 5, tzinfo=UTC))
    assert shown.instant(at, UTC) == "16 Jan 2026, 13:05"
    assert shown.short_instant(at, UTC, NOW) == "16 Jan, 13:05"
    assert shown.iso(at) == "2026-01-16T13:05:00Z"
    assert shown.local_input(at, UTC) == "2026-01-16T13:05"
    assert shown.until(at, NOW) == "in 25 h"
    assert shown.until(stamp(NOW.replace(day=1)), NOW) == "14 days ago"


def test_targets_in_a_line() -> None:
    assert shown.targeting(pb.Targeting(city="All", country="all")) == "everyone"
    target = pb.Targeting(gender="F", age_start=20, age_end=40, city="Mumbai", income_bucket="H", device="iPhone")
    assert shown.targeting(target) == "women 20–40 · high income · iPhone · Mumbai"
