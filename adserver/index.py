"""All campaigns that may bid, in memory, in an order and form that an auction reads in microseconds.

Campaigns lie in chunks by bid, highest first (see `adserver.chunk`). A request's terms are looked up once; then, chunk
by chunk, their bitsets are ANDed with the live ones, and the lowest set bits are the winners. Nearly every request is
settled in the first chunks; one that nothing matches visits them all.

A change goes straight to its place: with the same bid and targeting (a slot dry or open again) it flips a bit, else it
shifts the bits of one chunk. A chunk that has grown too long is made anew, as two, without the campaigns that have
ended; each `apply` also looks at two chunks, in turn, and joins them if one is enough. So there is no second structure
to merge with and nothing to rebuild in the background.

Equal bids lie side by side, perhaps over several chunks; a draw is among all of them that match.

Not for several threads at once. With the garbage collector off, `build` takes a third of the time (3 s for 500,000);
`gc.freeze()` after it spares the collector a walk over every campaign at each full collection.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final, Self

from adserver.ad import Ad
from adserver.bitsets import lowest, nth, packed
from adserver.chunk import Chunk
from adserver.request import Request
from adserver.vocabulary import Reach, Term, Vocabulary
from marketplace.campaign import Campaign, Status, Targeting

CHUNK_SIZE: Final = 2_048

Tie = list[tuple[Chunk, int, int]]
"""Matching campaigns of equal bids: in each chunk a start, and the positions counted from there; never an empty set."""


class Index:
    """The campaigns of one ad server, by campaign_id and by bid. `len` counts those it holds, live or not."""

    def __init__(self, chunk_size: int = CHUNK_SIZE) -> None:
        self._chunk_size = chunk_size
        self._chunks: list[Chunk] = []
        self._ads: dict[str, Ad] = {}
        self._vocabulary = Vocabulary()
        self._turn = 0

    @classmethod
    def build(cls, campaigns: Iterable[Campaign], now_us: int, chunk_size: int = CHUNK_SIZE) -> Self:
        """Makes an index of campaigns with distinct ids; they are read one by one, and only their ads are kept."""
        index = cls(chunk_size)
        for campaign in campaigns:
            if campaign.servable and campaign.window.end_us > now_us:
                index._ads[campaign.campaign_id] = Ad.of(campaign, index._reach(campaign.targeting).targeting)
        index._chunks = index._filled([(ad, True) for ad in sorted(index._ads.values())], now_us)
        return index

    def __len__(self) -> int:
        return len(self._ads)

    def any_live(self, now_us: int) -> bool:
        """Tells whether any campaign could win at the instant, if a request matched it."""
        return any(chunk.matching([], now_us) for chunk in self._chunks)

    def shortlist(
        self, request: Request, now_us: int, ad_count: int, random: Callable[[], float]
    ) -> tuple[list[Ad], int]:
        """Returns the `ad_count` highest bids that match at the instant, and the bid key after them (0: there is none).

        Within a tie every campaign has the same chance of every place. `random` gives uniform floats in [0, 1), such
        as `random.Random(seed).random`.
        """
        ads: list[Ad] = []
        for tie in self._ties(self._vocabulary.terms(request), now_us):
            while tie:
                if len(ads) == ad_count:
                    chunk, start, _ = tie[0]
                    return ads, -chunk.bids[start]
                ads.append(_draw(tie, random))
        return ads, 0

    def apply(self, changes: Iterable[Campaign], now_us: int) -> None:
        """Takes campaigns as the store has them now, new or known.

        Some 30 µs each, 60 for a new bid, 10 where only a bit flips: give it a hundred at a time between requests.
        """
        for campaign in changes:
            self._apply(campaign, now_us)
        self._tidy(now_us)

    def _ties(self, terms: list[Term], now_us: int) -> Iterator[Tie]:
        """Yields the matching campaigns in bid order, those of equal bids together."""
        chunks = self._chunks
        number = 0
        while number < len(chunks):
            chunk = chunks[number]
            number += 1
            found = chunk.matching(terms, now_us)
            while found:
                first = lowest(found)
                bid = chunk.bids[first]
                end = bisect_right(chunk.bids, bid, first)
                tie = [(chunk, first, found >> first & (1 << end - first) - 1)]
                while end == len(chunk.bids) and number < len(chunks) and chunks[number].bids[0] == bid:
                    chunk = chunks[number]
                    number += 1
                    found = chunk.matching(terms, now_us)
                    end = bisect_right(chunk.bids, bid)
                    if tied := found & (1 << end) - 1:
                        tie.append((chunk, 0, tied))
                yield tie
                found = found >> end << end

    def _apply(self, campaign: Campaign, now_us: int) -> None:
        old = self._ads.get(campaign.campaign_id)
        if campaign.status is not Status.ACTIVE or campaign.window.end_us <= now_us:
            if old is not None:
                self._remove(old)
            return
        reach = self._reach(campaign.targeting)
        new = Ad.of(campaign, reach.targeting)
        if old is not None:
            if (old.negated_bid_key, old.targeting) == (new.negated_bid_key, new.targeting):
                self._chunks[self._place(old)].replace(old, new, campaign.servable, now_us)
                self._ads[new.campaign_id] = new
                return
            self._remove(old)
        if campaign.servable:
            self._insert(new, reach.terms, now_us)

    def _reach(self, targeting: Targeting) -> Reach:
        """Returns whom a targeting reaches, its terms known in every chunk from here on."""
        known = self._vocabulary.known(targeting)
        if known is not None:
            return known
        reach, cuts = self._vocabulary.learn(targeting)
        for band, whole in cuts:
            for chunk in self._chunks:
                chunk.masks[band] = chunk.masks[whole]
        return reach

    def _place(self, ad: Ad) -> int:
        """Returns the number of the chunk that an ad is in, or is to be put into."""
        return max(0, bisect_right(self._chunks, ad, key=lambda chunk: chunk.rows[0]) - 1)

    def _insert(self, ad: Ad, terms: frozenset[Term], now_us: int) -> None:
        self._ads[ad.campaign_id] = ad
        if not self._chunks:
            self._chunks = self._filled([(ad, True)], now_us)
            return
        place = self._place(ad)
        self._chunks[place].insert(ad, terms, True, now_us)
        if len(self._chunks[place].rows) > self._chunk_size * 3 // 2:
            self._renew(place, place + 1, now_us)

    def _remove(self, ad: Ad) -> None:
        del self._ads[ad.campaign_id]
        place = self._place(ad)
        self._chunks[place].remove(ad)
        if not self._chunks[place].rows:
            del self._chunks[place]

    def _tidy(self, now_us: int) -> None:
        """Looks at two neighbours, in turn, and joins them if one chunk is enough for what has not ended of them.

        Without it a chunk that nothing is put into any more would keep its ended campaigns for good.
        """
        self._turn = self._turn + 1 if self._turn + 2 < len(self._chunks) else 0
        pair = self._chunks[self._turn : self._turn + 2]
        if len(pair) == 2 and sum(chunk.lasting(now_us) for chunk in pair) <= self._chunk_size:
            self._renew(self._turn, self._turn + 2, now_us)

    def _renew(self, first: int, end: int, now_us: int) -> None:
        """Puts evenly filled chunks in the place of some, without the campaigns that have ended."""
        kept = []
        for chunk in self._chunks[first:end]:
            for position, ad in enumerate(chunk.rows):
                if ad.end_us > now_us:
                    kept.append((ad, chunk.is_servable(position)))
                else:
                    del self._ads[ad.campaign_id]
        self._chunks[first:end] = self._filled(kept, now_us)

    def _filled(self, ads: list[tuple[Ad, bool]], now_us: int) -> list[Chunk]:
        """Spreads ads in bid order, each with whether it is servable, evenly over as few chunks as hold them."""
        count = -(-len(ads) // self._chunk_size)
        parts = [ads[len(ads) * n // count : len(ads) * (n + 1) // count] for n in range(count)]
        return [
            Chunk(
                [ad for ad, _ in part],
                packed(bytearray(servable for _, servable in part)),
                [self._reach(ad.targeting).terms for ad, _ in part],
                now_us,
            )
            for part in parts
        ]


def _draw(tie: Tie, random: Callable[[], float]) -> Ad:
    """Takes one campaign out of a tie; each has the same chance."""
    part = 0
    if len(tie) > 1:
        sizes = [tied.bit_count() for _, _, tied in tie]
        part = bisect_right(list(accumulate(sizes)), int(random() * sum(sizes)))
    chunk, start, tied = tie[part]
    position = nth(tied, int(random() * tied.bit_count()))
    tied ^= 1 << position
    if tied:
        tie[part] = chunk, start, tied
    else:
        del tie[part]
    return chunk.rows[start + position]
