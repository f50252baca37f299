"""Pacing: a campaign's leftover budget is shared out over the slots of its window.

Slots lie on a fixed UTC grid (10 minutes by default). A slot's share is `ceil(leftover / slots left)`, the current
slot included, less what is charged in it. A slot at 0 pauses the campaign until the next one.
"""

from dataclasses import dataclass
from typing import Final

from marketplace.campaign import Window

DEFAULT_SLOT_US: Final = 600 * 1_000_000


@dataclass(frozen=True, slots=True)
class SlotGrid:
    """The grid: slot k covers [k * length, (k + 1) * length) in microseconds since the epoch."""

    length_us: int = DEFAULT_SLOT_US

    def slot_at(self, time_us: int) -> int:
        """Returns the number of the slot that the instant lies in."""
        return time_us // self.length_us

    def start_of(self, slot_no: int) -> int:
        """Returns the slot's first microsecond."""
        return slot_no * self.length_us


def current_slot(grid: SlotGrid, window: Window, now_us: int) -> int:
    """Returns the campaign's slot: that of `now`, or of its window's start while that lies ahead."""
    return max(grid.slot_at(now_us), grid.slot_at(window.start_us))


def slot_share_nanos(grid: SlotGrid, window: Window, leftover_nanos: int, slot_no: int) -> int:
    """Returns slot `slot_no`'s share of the leftover budget: rounded up, and 0 once the window is over."""
    slots_left = grid.slot_at(window.end_us - 1) - slot_no + 1
    return -(-leftover_nanos // slots_left) if slots_left > 0 else 0
