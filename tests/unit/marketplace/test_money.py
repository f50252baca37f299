"""Amounts, bids and slots: exact, and within their limits."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bids import BID_KEYS_PER_CPM, bid_key, clearing_price_nanos, cpm_nanos
from marketplace.campaign import Window
from marketplace.money import MAX_BUDGET_NANOS, MAX_PRICE_NANOS, format_nanos, parse_nanos, to_decimal
from marketplace.slots import SlotGrid, current_slot, slot_share_nanos

PRICES = st.integers(0, MAX_PRICE_NANOS)
GRID = SlotGrid(100)


@given(st.integers(0, MAX_BUDGET_NANOS))
def test_an_amount_survives_its_text(nanos: int) -> None:
    assert parse_nanos(f"{to_decimal(nanos):f}") == nanos
    assert parse_nanos(to_decimal(nanos)) == nanos
    assert parse_nanos(format_nanos(nanos).replace(",", "")) == nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("-0", 0),
        ("1e-9", 1),
        ("9e9", MAX_BUDGET_NANOS),
        (" 0.00066 ", 660_000),
        ("1.1000000000000", 11 * 10**8),
    ],
)
def test_what_is_an_amount(text: str, nanos: int) -> None:
    assert parse_nanos(text) == nanos


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        True,
        None,
        b"1",
        "",
        "1,5",
        "0x1",
        "nan",
        "-inf",
        "1e-10",
        "-0.000000001",
        "9e9000",
        "1e99999999",
        "9000000000.000000001",
    ],
)
def test_what_is_none(value: object) -> None:
    with pytest.raises(ValueError, match=r"is|has"):
        parse_nanos(value)


@given(PRICES, PRICES)
def test_bids_are_cpm_times_two_thousand(cpc: int, cpa: int) -> None:
    cpm = Decimal("0.0075") * cpc + Decimal("0.0005") * cpa
    assert bid_key(cpc, cpa) == cpm * BID_KEYS_PER_CPM
    assert 0 <= cpm - cpm_nanos(bid_key(cpc, cpa)) < 1


@given(PRICES, PRICES, PRICES, PRICES)
def test_no_one_pays_more_than_its_own_price_and_the_expected_price_is_the_second_bid(
    cpc: int, cpa: int, other_cpc: int, other_cpa: int
) -> None:
    (own, own_cpc, own_cpa), (second, *_) = sorted(
        [(bid_key(cpc, cpa), cpc, cpa), (bid_key(other_cpc, other_cpa), other_cpc, other_cpa)], reverse=True
    )
    if own:
        paid = [clearing_price_nanos(price, own, second) for price in (own_cpc, own_cpa)]
        assert paid[0] <= own_cpc
        assert paid[1] <= own_cpa
        assert 0 <= second - bid_key(*paid) < bid_key(1, 1)  # a nano per field


def test_slots_share_the_leftover_and_the_current_one_counts() -> None:
    window = Window(150, 450)  # slots 1, 2, 3, 4
    assert [slot_share_nanos(GRID, window, 10, slot) for slot in range(1, 6)] == [3, 4, 5, 10, 0]
    assert [current_slot(GRID, window, now) for now in (0, 150, 299, 500)] == [1, 1, 2, 5]


@given(st.integers(0, 10**9), st.integers(0, 10**4), st.integers(1, 10**4))
def test_shares_that_are_spent_use_up_the_budget_in_the_last_slot(leftover: int, start: int, length: int) -> None:
    window = Window(start, start + length)
    slot, last = GRID.slot_at(start), GRID.slot_at(window.end_us - 1)
    for number in range(slot, last + 1):
        share = slot_share_nanos(GRID, window, leftover, number)
        assert 0 <= share <= leftover
        leftover -= share
    assert leftover == 0
