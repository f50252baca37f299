"""Sets of positions as Python ints: bit p is set when position p is in the set."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]

_POSITIONS = [[position for position in range(8) if byte >> position & 1] for byte in range(256)]
_TRIES = 8


def lowest(bits: int) -> int:
    """Returns the lowest position of a set that is not empty."""
    return (bits & -bits).bit_length() - 1


def nth(bits: int, rank: int) -> int:
    """Returns the position that has `rank` others of the set below it, by halving; the set must have that many."""
    if not rank:
        return lowest(bits)
    position = 0
    half = 1 << max(bits.bit_length() - 1, 8).bit_length() - 1
    while half >= 8:
        low = bits & (1 << half) - 1
        count = low.bit_count()
        if rank < count:
            bits = low
        else:
            rank -= count
            bits >>= half
            position += half
        half >>= 1
    return position + _POSITIONS[bits][rank]


def drawn(bits: int, size: int, random: Callable[[], float]) -> int:
    """Draws a position of a set that is not empty and lies below `size`; each has the same chance.

    First by trying any position: 0.2 to 0.5 µs in place of 1.0 for counting to one, unless the set is thin.
    """
    count = bits.bit_count()
    if count == 1:
        return bits.bit_length() - 1
    if count * 4 > size:
        for _ in range(_TRIES):
            position = int(random() * size)
            if bits >> position & 1:
                return position
    return nth(bits, int(random() * count))


def packed(flags: Flags) -> int:
    """Returns the set of the positions whose flag is set."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def unpacked(bits: int, count: int) -> Flags:
    """Returns a flag for each of `count` positions; the set must have none above."""
    octets = np.frombuffer(bits.to_bytes(-(-count // 8), "little"), np.uint8)
    return np.unpackbits(octets, count=count, bitorder="little").view(np.bool_)
