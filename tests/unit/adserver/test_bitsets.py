"""Sets of positions as integers."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.bitsets import drawn, lowest, nth, packed, unpacked

POSITIONS = st.sets(st.integers(0, 700), min_size=1).map(sorted)


def bits_of(positions: list[int]) -> int:
    return sum(1 << position for position in positions)


@settings(deadline=None)
@given(POSITIONS)
def test_positions_are_found_by_rank(positions: list[int]) -> None:
    bits = bits_of(positions)
    assert [nth(bits, rank) for rank in range(len(positions))] == positions
    assert lowest(bits) == positions[0]


@settings(deadline=None)
@given(POSITIONS, st.integers(0, 9))
def test_flags_and_sets_are_the_same(positions: list[int], more: int) -> None:
    bits, count = bits_of(positions), positions[-1] + 1 + more
    flags = unpacked(bits, count)
    assert len(flags) == count
    assert np.flatnonzero(flags).tolist() == positions
    assert packed(flags) == bits


@settings(deadline=None)
@given(POSITIONS, st.integers(0, 900), st.integers(0, 2**32))
def test_a_draw_is_from_the_set(positions: list[int], more: int, seed: int) -> None:
    size = positions[-1] + 1 + more
    assert drawn(bits_of(positions), size, Random(seed).random) in positions


def test_a_draw_ends_whatever_the_numbers_are() -> None:
    assert drawn(0b1100, 4, lambda: 0.0) == 2
    assert drawn(0b0011, 4, lambda: 0.999_999) == 1
