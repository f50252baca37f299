"""Sets of positions as Python ints: bit p is set when position p is in the set."""

import numpy as np
import numpy.typing as npt


def below(position: int) -> int:
    """Returns the set of all positions under `position`."""
    return (1 << position) - 1


def lowest(bits: int) -> int:
    """Returns the lowest position of a set that is not empty."""
    return (bits & -bits).bit_length() - 1


def nth(bits: int, rank: int) -> int:
    """Returns the position that has `rank` others of the set below it, by halving; the set must have that many."""
    position = 0
    width = bits.bit_length()
    while width > 1:
        half = width >> 1
        low = bits & (1 << half) - 1
        count = low.bit_count()
        if rank < count:
            bits = low
            width = half
        else:
            rank -= count
            bits >>= half
            position += half
            width -= half
    return position


def opened(bits: int, under: int) -> int:
    """Returns the set with every position that is not in `under`, a `below(...)`, moved up by one."""
    low = bits & under
    return low | (bits ^ low) << 1


def closed(bits: int, under: int) -> int:
    """Returns the set without the first position that is not in `under`, those after it moved down by one."""
    low = bits & under
    return low | bits >> 1 & ~under


def packed(flags: bytearray | npt.NDArray[np.bool_]) -> int:
    """Returns the set of the positions whose flag is not 0."""
    return int.from_bytes(np.packbits(np.frombuffer(flags, np.uint8), bitorder="little").tobytes(), "little")
