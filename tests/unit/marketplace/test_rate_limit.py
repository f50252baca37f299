"""The token bucket: bursts of a second's worth, and on average never more than the rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.rate_limit import TokenBucket


def test_a_burst_of_one_seconds_worth_then_the_rate() -> None:
    bucket = TokenBucket(5, 100.0)
    assert [bucket.take(100.0) for _ in range(5)] == [0.0] * 5
    assert bucket.take(100.0) == pytest.approx(0.2)
    assert bucket.take(100.1) == pytest.approx(0.1)
    assert bucket.take(100.2) == 0.0
    assert bucket.take(100.2) > 0


def test_what_is_told_to_wait_is_enough() -> None:
    bucket, now_s = TokenBucket(7, 0.0), 0.0
    for _ in range(50):
        while wait_s := bucket.take(now_s):
            now_s += wait_s + 1e-9
    assert now_s == pytest.approx((50 - 7) / 7, abs=1e-3)


def test_idleness_is_not_saved_up() -> None:
    bucket = TokenBucket(3, 0.0)
    assert sum(bucket.take(1_000.0) == 0.0 for _ in range(100)) == 3


@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), max_size=200))
def test_never_more_than_burst_and_rate(rate: int, pauses: list[float]) -> None:
    bucket, now_s, taken = TokenBucket(rate, 0.0), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        taken += bucket.take(now_s) == 0.0
        assert taken <= rate + rate * now_s + 1e-6
