"""A run of campaigns in bid order, with one bitset for each targeting value that they name.

Position p of every bitset is the campaign at `rows[p]`. The bitset of a value holds the campaigns that name it and
those that target everyone; a value without a bitset has that of its wildcard. Putting a campaign in or taking one out
moves the bits above it by one in every bitset: 0.3 µs each at 2,048 campaigns, and real campaigns name some 50 values.

Windows open and close by themselves: `live` is right for the instants in [since_us, due_us), between which no window
of this chunk starts or ends, and is worked out anew (20 µs) when it is asked for outside them.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from adserver.ad import Ad
from adserver.bitsets import packed
from adserver.vocabulary import Term

NEVER: Final = 2**63 - 1


class _Masks(dict[Term, int]):
    def __missing__(self, term: Term) -> int:
        return 0 if term.wildcard is None else self[term.wildcard]


class Chunk:
    """Campaigns in bid order. `rows` is to be read only."""

    __slots__ = ("_ends", "_servable", "_starts", "bids", "due_us", "live", "masks", "rows", "since_us")

    def __init__(self, rows: Sequence[Ad], servable: int, reaches: Sequence[frozenset[Term]], now_us: int) -> None:
        self.rows = list(rows)
        self.bids = [ad.negated_bid_key for ad in rows]
        self.masks = _masks(reaches)
        self._servable = servable
        self._starts = array("q", [ad.start_us for ad in rows])
        self._ends = array("q", [ad.end_us for ad in rows])
        self.refresh(now_us)

    def matching(self, terms: list[Term], now_us: int) -> int:
        """Returns the positions of the live campaigns that all the terms reach."""
        if not self.since_us <= now_us < self.due_us:
            self.refresh(now_us)
        found = self.live
        masks = self.masks
        for term in terms:
            found &= masks[term]
            if not found:
                break
        return found

    def refresh(self, now_us: int) -> None:
        """Works out which campaigns are live at the instant, and for how long that holds."""
        starts, ends = np.frombuffer(self._starts, np.int64), np.frombuffer(self._ends, np.int64)
        self.live = self._servable & packed((starts <= now_us) & (now_us < ends))
        edges = np.concatenate((starts, ends))
        past = edges <= now_us
        self.since_us = int(edges.max(where=past, initial=-NEVER))
        self.due_us = int(edges.min(where=~past, initial=NEVER))

    def lasting(self, now_us: int) -> int:
        """Counts the campaigns whose window has not ended."""
        return int(np.count_nonzero(np.frombuffer(self._ends, np.int64) > now_us))

    def is_servable(self, position: int) -> bool:
        """Tells whether the campaign may bid while its window is open."""
        return bool(self._servable >> position & 1)

    def insert(self, ad: Ad, reach: frozenset[Term], servable: bool, now_us: int) -> None:
        """Puts a campaign in its place."""
        position = bisect_left(self.rows, ad)
        bit = 1 << position
        above = (1 << len(self.rows)) - bit
        masks = self.masks
        for term in reach:
            if term not in masks:
                masks[term] = masks[term]
        for term, mask in masks.items():
            mask += mask & above  # doubling what lies above makes room
            masks[term] = mask | bit if term.wildcard in reach or term in reach else mask
        self._servable += self._servable & above
        self.live += self.live & above
        self.rows.insert(position, ad)
        self.bids.insert(position, ad.negated_bid_key)
        self._starts.insert(position, ad.start_us)
        self._ends.insert(position, ad.end_us)
        self._settle(position, servable, now_us)

    def remove(self, ad: Ad) -> None:
        """Takes a campaign out."""
        position = bisect_left(self.rows, ad)
        below = (1 << position) - 1
        above = (1 << len(self.rows)) - 1 ^ below
        masks = self.masks
        for term, mask in masks.items():
            masks[term] = mask & below | mask >> 1 & above
        self._servable = self._servable & below | self._servable >> 1 & above
        self.live = self.live & below | self.live >> 1 & above
        del self.rows[position], self.bids[position], self._starts[position], self._ends[position]

    def replace(self, old: Ad, new: Ad, servable: bool, now_us: int) -> None:
        """Puts a campaign in the place of one with the same id, bid and targeting."""
        position = bisect_left(self.rows, old)
        self.rows[position] = new
        self._starts[position], self._ends[position] = new.start_us, new.end_us
        self._servable &= ~(1 << position)
        self.live &= ~(1 << position)
        self._settle(position, servable, now_us)

    def _settle(self, position: int, servable: bool, now_us: int) -> None:
        """Sets the bits of a campaign that is new at its position, and keeps [since_us, due_us) within its edges."""
        if servable:
            self._servable |= 1 << position
        if not self.since_us <= now_us < self.due_us:
            return self.refresh(now_us)
        start_us, end_us = self._starts[position], self._ends[position]
        if servable and start_us <= now_us < end_us:
            self.live |= 1 << position
        for edge_us in (start_us, end_us):
            if edge_us <= now_us:
                self.since_us = max(self.since_us, edge_us)
            else:
                self.due_us = min(self.due_us, edge_us)


def _masks(reaches: Sequence[frozenset[Term]]) -> _Masks:
    flags: defaultdict[Term, bytearray] = defaultdict(lambda: bytearray(len(reaches)))
    for position, reach in enumerate(reaches):
        for term in reach:
            flags[term][position] = 1
    masks = _Masks((term, packed(named)) for term, named in flags.items())
    for term, mask in masks.items():
        if term.wildcard is not None:
            masks[term] = mask | masks[term.wildcard]
    return masks
