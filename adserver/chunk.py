"""A run of campaigns in bid order, and which of them a request reaches.

Position p of every bitset is the p-th campaign. What a term (one value of one dimension) reaches is worked out from the
campaigns' targetings when it is first asked for (7 µs at 2,048 campaigns), what a group reaches from its terms (1 µs),
and both are remembered until a campaign comes or goes. So a change costs a few µs wherever it is; and requests, which
nearly all end in the first chunk, ask for the same few hundred groups again and again.

Windows open and close by themselves: `live` is right for the instants in [since_us, due_us), between which no window
of this chunk starts or ends, and is worked out anew (25 µs) when it is asked for outside them.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import Final

import numpy as np
import numpy.typing as npt

from adserver.bitsets import Flags, packed
from adserver.table import AdTable, Column, Numbers, column
from adserver.vocabulary import Bounds, Group, Term, kind_of, kinds_of

NEVER: Final = 2**63 - 1
_MAX_REMEMBERED: Final = 512


class _Reached(dict[Group | Term, int]):
    """Maps a term or a group to the positions that it reaches."""

    def __init__(self, table: AdTable, numbers: Column) -> None:
        super().__init__()
        self._table = table
        self._numbers = numbers
        self._codes: Numbers | None = None
        self._bounds: dict[int, Bounds] = {}

    def forget(self) -> None:
        """Starts again, because a campaign has come or gone."""
        self.clear()
        self._codes = None
        self._bounds.clear()

    def _bounds_of(self, row: int) -> Bounds:
        if row not in self._bounds:
            if self._codes is None:
                self._codes = column(self._table.codes).take(_view(self._numbers))
            self._bounds[row] = self._table.vocabulary.bounds(row, self._codes)
        return self._bounds[row]

    def __missing__(self, asked: Group | Term) -> int:
        if isinstance(asked, Term):
            low, high = self._bounds_of(asked.row)
            found = packed((low <= asked.value) & (asked.value <= high))
        else:
            found = -1  # every position
            for term in asked.terms:
                found &= self[term]
                if not found:
                    break
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[asked] = found
        return found


class Chunk:
    """Campaigns in bid order, the highest first: `bids` are negated and never descend. All of it is to be read only.

    `kinds` holds those of all targetings that its campaigns have or had; `servable` the positions of those that
    may bid while their windows are open. `numbers` refer to the table.
    """

    __slots__ = (
        "_reached", "_table", "bids", "due_us", "kinds", "live", "numbers", "serial", "servable", "since_us",
    )  # fmt: skip

    def __init__(self, serial: int, table: AdTable, numbers: Numbers, servable: Flags) -> None:
        codes = column(table.codes).take(numbers)
        self.serial = serial
        self.numbers = array("i", numbers.astype(np.int32).tobytes())
        self.bids = _shared(-table.bid_keys(numbers))
        self.kinds = kinds_of(codes)
        self.servable = packed(servable)
        self.live = self.since_us = self.due_us = 0  # worked out when first asked for
        self._table = table
        self._reached = _Reached(table, self.numbers)

    def matching(self, place: Group, audience: Group, now_us: int) -> int:
        """Returns the positions of the live campaigns that both groups reach."""
        found = self._reached[place]
        if found:
            found &= self._reached[audience]
        if found and not self.since_us <= now_us < self.due_us:
            self._refresh(now_us)
        return found & self.live

    def any_live(self, now_us: int) -> bool:
        """Tells whether any campaign is live at the instant."""
        if not self.since_us <= now_us < self.due_us:
            self._refresh(now_us)
        return self.live != 0

    def lasting(self, now_us: int) -> Flags:
        """Tells of each position whether its window has not ended."""
        return column(self._table.ends).take(_view(self.numbers)) > now_us

    def insert(self, number: int, servable: bool, now_us: int) -> None:
        """Puts a campaign of the table in its place."""
        code, bid = self._table.codes[number], -self._table.bid_key(number)
        position = bisect_right(self.bids, bid)
        above = (1 << len(self.bids)) - (1 << position)
        self.servable += self.servable & above  # doubling what lies above makes room
        self.live += self.live & above
        self.numbers.insert(position, number)
        self.bids.insert(position, self.bids[position - 1] if position and self.bids[position - 1] == bid else bid)
        self.kinds |= kind_of(code)
        self._reached.forget()
        self._settle(position, servable, now_us)

    def remove(self, number: int) -> None:
        """Takes a campaign out; the table still has it as it was when it came in."""
        position = self._position(number)
        below = (1 << position) - 1
        self.servable = self.servable & below | self.servable >> 1 & ~below
        self.live = self.live & below | self.live >> 1 & ~below
        del self.numbers[position], self.bids[position]
        self._reached.forget()

    def refit(self, number: int, servable: bool, now_us: int) -> None:
        """Takes note of a campaign's new window and of whether it may bid; its bid and targeting are as before."""
        position = self._position(number)
        self.servable &= ~(1 << position)
        self.live &= ~(1 << position)
        self._settle(position, servable, now_us)

    def _position(self, number: int) -> int:
        first = bisect_left(self.bids, -self._table.bid_key(number))
        if self.numbers[first] == number:
            return first
        return first + int((_view(self.numbers)[first:] == number).argmax())  # 2 µs; array.index takes up to 40

    def _refresh(self, now_us: int) -> None:
        """Works out which campaigns are live at the instant, and for how long that holds."""
        numbers = _view(self.numbers)
        starts, ends = column(self._table.starts).take(numbers), column(self._table.ends).take(numbers)
        self.live = self.servable & packed((starts <= now_us) & (now_us < ends))
        edges = np.concatenate((starts, ends))
        past = edges <= now_us
        self.since_us = int(edges.max(where=past, initial=-NEVER))
        self.due_us = int(edges.min(where=~past, initial=NEVER))

    def _settle(self, position: int, servable: bool, now_us: int) -> None:
        """Sets the bits of a campaign that is new at its position, and keeps [since_us, due_us) within its edges."""
        if servable:
            self.servable |= 1 << position
        if not self.since_us <= now_us < self.due_us:
            self.since_us = self.due_us = 0  # to be worked out when it is asked for
            return
        number = self.numbers[position]
        start_us, end_us = self._table.starts[number], self._table.ends[number]
        if servable and start_us <= now_us < end_us:
            self.live |= 1 << position
        for edge_us in (start_us, end_us):
            if edge_us <= now_us:
                self.since_us = max(self.since_us, edge_us)
            else:
                self.due_us = min(self.due_us, edge_us)


def _view(numbers: Column) -> npt.NDArray[np.int32]:
    """Returns a view of a chunk's numbers; as long as someone holds it, nothing can be put in."""
    return np.frombuffer(numbers, np.int32)


def _shared(bids: Numbers) -> list[int]:
    """Returns bids in order as a list in which equal ones are one object: a million would take 32 MB."""
    first = np.concatenate((np.ones(1, np.bool_), bids[1:] != bids[:-1]))
    objects = np.array(bids[first].tolist(), object)
    shared: list[int] = objects.take(first.cumsum() - 1).tolist()
    return shared
