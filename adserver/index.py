"""All campaigns that may bid, in memory, in an order and form that an auction reads in microseconds.

Campaigns lie in chunks by bid, highest first (see `adserver.chunk`). Chunk by chunk, the positions that are live and
that the request's two groups of terms reach are ANDed; the lowest bits left are the winners. Nearly every request is
settled in the first chunk. One that is not after a few asks which targetings let it in at all, and passes over the
chunks that have none of them: so one that nothing matches looks at every chunk, but only with one AND.

A change goes straight to its place. A chunk that has grown too long is made anew, as two, without the campaigns that
have ended; each `apply` also looks at two chunks, in turn, and joins them if one is enough. So there is no second
structure to merge with and nothing to rebuild in the background.

Not for several threads at once.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final, Self

import numpy as np

from adserver.ad import Ad
from adserver.bitsets import Flags, drawn, lowest, unpacked
from adserver.chunk import Chunk
from adserver.columns import AdColumns
from adserver.request import Request
from adserver.table import AdTable, Numbers, column
from marketplace.bids import bid_key
from marketplace.campaign import Campaign, Status

CHUNK_SIZE: Final = 2_048
_CHUNKS_BEFORE_PRUNING: Final = 4


class Index:
    """The campaigns of one ad server, by campaign_id and by bid. `len` counts those it holds, live or not."""

    def __init__(self, chunk_size: int = CHUNK_SIZE) -> None:
        self._chunk_size = chunk_size
        self._chunks: list[Chunk] = []
        self._fences: list[int] = []  # each chunk's first bid when it was made: none that is behind it lies below
        self._by_serial: dict[int, Chunk] = {}
        self._serials = count()
        self._table = AdTable()
        self._turn = 0

    @classmethod
    def build(cls, campaigns: AdColumns | Iterable[Campaign], now_us: int, chunk_size: int = CHUNK_SIZE) -> Self:
        """Makes an index of the campaigns that may bid. Of columns, which have no others, it keeps the lists."""
        columns = campaigns if isinstance(campaigns, AdColumns) else AdColumns.of(campaigns, now_us)
        index = cls(chunk_size)
        index._table.fill(columns)
        order = np.argsort(-index._table.bid_keys(np.arange(len(index))))
        index._put(0, 0, order, np.ones(len(order), np.bool_))
        return index

    def __len__(self) -> int:
        return len(self._table)

    def any_live(self, now_us: int) -> bool:
        """Tells whether any campaign could win at the instant, if a request matched it."""
        return any(chunk.any_live(now_us) for chunk in self._chunks)

    def shortlist(
        self, request: Request, now_us: int, ad_count: int, random: Callable[[], float]
    ) -> tuple[list[Ad], int]:
        """Returns the `ad_count` highest bids that match at the instant, and the bid key after them (0: there is none).

        Equal bids lie side by side, perhaps over several chunks: every one of them that matches has the same chance of
        every place. `random` gives uniform floats in [0, 1), such as `random.Random(seed).random`.
        """
        place, audience = self._table.vocabulary.groups(request)
        chunks, table = self._chunks, self._table
        ads: list[Ad] = []
        kinds = -1  # any
        turn = 0
        while turn < len(chunks):
            chunk = chunks[turn]
            turn += 1
            if turn > _CHUNKS_BEFORE_PRUNING:
                if kinds == -1 and not (kinds := table.vocabulary.kinds(place, audience)):
                    break
                if not chunk.kinds & kinds:
                    continue
            found = chunk.matching(place, audience, now_us)
            while found:
                bids, numbers = chunk.bids, chunk.numbers
                first = lowest(found)
                bid = bids[first]
                end = bisect_right(bids, bid, first)
                size = end - first
                tied = found >> first & (1 << size) - 1
                while end == len(chunk.bids) and turn < len(chunks) and chunks[turn].bids[0] == bid:
                    chunk = chunks[turn]
                    turn += 1
                    found = chunk.matching(place, audience, now_us)
                    end = bisect_right(chunk.bids, bid)
                    tied |= (found & (1 << end) - 1) << size
                    numbers, first, size = numbers[first : first + size] + chunk.numbers[:end], 0, size + end
                while tied:
                    if len(ads) == ad_count:
                        return ads, -bid
                    position = drawn(tied, size, random)
                    ads.append(table.ad(numbers[first + position]))
                    tied ^= 1 << position
                found = found >> end << end
        return ads, 0

    def apply(self, changes: Iterable[Campaign], now_us: int) -> None:
        """Takes campaigns as the store has them now, new or known.

        Some 10 µs each, 20 for a new bid: give it a hundred at a time between requests.
        """
        for campaign in changes:
            self._apply(campaign, now_us)
        self._tidy(now_us)

    def _apply(self, campaign: Campaign, now_us: int) -> None:
        table = self._table
        number = table.ids.find(campaign.campaign_id)
        if campaign.status is not Status.ACTIVE or campaign.window.end_us <= now_us:
            if number is not None:
                self._remove(number)
                table.drop(number)
            return
        servable = campaign.servable
        if number is None and not servable:
            return
        code = table.vocabulary.hold(campaign.targeting)
        if number is None:
            self._insert(table.add(campaign, code), servable, now_us)
        elif (table.bid_key(number), table.codes[number]) == (bid_key(campaign.cpc_nanos, campaign.cpa_nanos), code):
            table.put(number, campaign, code)
            self._by_serial[table.homes[number]].refit(number, servable, now_us)
        else:
            self._remove(number)
            table.put(number, campaign, code)
            self._insert(number, servable, now_us)

    def _insert(self, number: int, servable: bool, now_us: int) -> None:
        if not self._chunks:
            self._put(0, 0, np.array([number]), np.array([servable]))
            return
        bid = -self._table.bid_key(number)
        place = max(0, bisect_right(self._fences, bid) - 1)
        chunk = self._chunks[place]
        chunk.insert(number, servable, now_us)
        self._table.homes[number] = chunk.serial
        if len(chunk.bids) > self._chunk_size * 3 // 2:
            self._renew(place, place + 1, now_us)

    def _remove(self, number: int) -> None:
        chunk = self._by_serial[self._table.homes[number]]
        chunk.remove(number)
        if not chunk.bids:
            place = self._chunks.index(chunk)
            del self._chunks[place], self._fences[place], self._by_serial[chunk.serial]

    def _tidy(self, now_us: int) -> None:
        """Looks at two neighbours, in turn, and joins them if one chunk is enough for what has not ended of them.

        Without it a chunk that nothing is put into any more would keep its ended campaigns for good.
        """
        self._turn = self._turn + 1 if self._turn + 2 < len(self._chunks) else 0
        pair = self._chunks[self._turn : self._turn + 2]
        if len(pair) == 2 and sum(int(chunk.lasting(now_us).sum()) for chunk in pair) <= self._chunk_size:
            self._renew(self._turn, self._turn + 2, now_us)

    def _renew(self, first: int, end: int, now_us: int) -> None:
        """Puts evenly filled chunks in the place of some, without the campaigns that have ended."""
        kept: list[Numbers] = []
        servable: list[Flags] = []
        for chunk in self._chunks[first:end]:
            numbers, lasting = np.array(chunk.numbers, np.int64), chunk.lasting(now_us)
            kept.append(numbers[lasting])
            servable.append(unpacked(chunk.servable, len(numbers))[lasting])
            for number in numbers[~lasting].tolist():
                self._table.drop(number)
            del self._by_serial[chunk.serial]
        self._put(first, end, np.concatenate(kept), np.concatenate(servable))

    def _put(self, first: int, end: int, numbers: Numbers, servable: Flags) -> None:
        """Puts chunks in the place of some: campaigns in bid order, spread evenly over as few as hold them."""
        parts = -(-len(numbers) // self._chunk_size)
        made: list[Chunk] = []
        for n in range(parts):
            some = slice(len(numbers) * n // parts, len(numbers) * (n + 1) // parts)
            chunk = Chunk(next(self._serials), self._table, numbers[some], servable[some])
            column(self._table.homes)[numbers[some]] = chunk.serial
            self._by_serial[chunk.serial] = chunk
            made.append(chunk)
        self._chunks[first:end] = made
        self._fences[first:end] = [chunk.bids[0] for chunk in made]
