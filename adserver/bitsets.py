"""Sets of positions as Python ints: bit p is set when position p is in the set."""

import numpy as np
import numpy.typing as npt

_POSITIONS = [[position for position in range(8) if byte >> position & 1] for byte in range(256)]


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


def packed(flags: bytearray | npt.NDArray[np.bool_]) -> int:
    """Returns the set of the positions whose flag is not 0."""
    return int.from_bytes(np.packbits(np.frombuffer(flags, np.uint8), bitorder="little").tobytes(), "little")
