"""The index agrees with a plain scan, after any changes and at any instant (property test)."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from auction_campaigns import campaign, is_live, reaches
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.index import Index
from adserver.request import Request
from marketplace.campaign import Campaign, Status, Targeting, Window

CITIES = ["All", "Pune", " pune", "DELHI", "Delhi", "all "]
DEVICES = ["All", "iPhone", "IPHONE ", "Macbook"]
AGE_RANGES = [(0, 0), (0, 0), (0, 9), (10, 30), (20, 25), (18, 130), (30, 10), (25, 25)]


class World:
    """Random campaigns and requests, few enough kinds of each that they often meet."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def targeting(self) -> Targeting:
        pick = self._rng.choice
        narrow = pick([False, False, True])
        start, end = pick([*AGE_RANGES, (self._rng.randrange(40), self._rng.randrange(40, 130))])
        return Targeting(
            age_start=start,
            age_end=end,
            gender=pick(["All", "All", "F", "m"]),
            city=pick(CITIES),
            income_bucket=pick(["L", "H"]) if narrow else "All",
            state=pick(["All", "Bihar"]) if narrow else "All",
            country=pick(["All", "India"]),
            device=pick(DEVICES) if narrow else "All",
        )

    def campaign(self, now_us: int) -> Campaign:
        return campaign(
            f"c{self._rng.randrange(200)}",
            cpc_nanos=self._rng.randrange(4),
            cpa_nanos=self._rng.choice([0, 15]),
            targeting=self.targeting(),
            window=self._window(now_us),
            slot_budget_nanos=self._rng.choice([0, 100, 100, 100]),
        )

    def changed(self, known: Campaign, now_us: int) -> Campaign:
        """Changes one thing about a campaign, as the platform's other parts do."""
        return self._rng.choice(
            [
                replace(known, slot_budget_nanos=100 - known.slot_budget_nanos),
                replace(known, slot_budget_nanos=100, status=Status.ACTIVE, spent_nanos=0),
                replace(known, window=Window(*self._window(now_us))),
                replace(known, cpc_nanos=self._rng.randrange(4)),
                replace(known, targeting=self.targeting()),
                replace(known, status=self._rng.choice([Status.STOPPED, Status.EXHAUSTED])),
                replace(known, spent_nanos=self._rng.choice([500, 600])),
            ]
        )

    def request(self) -> Request:
        pick = self._rng.choice
        return Request(
            age=pick([None, 0, 9, 10, 20, 25, 26, 30, 31, self._rng.randrange(128)]),
            gender=pick(["", "F", "f ", "M"]),
            income_bucket=pick(["", "L", "H", "M"]),
            city=pick(["", "Nowhere", *CITIES]),
            state=pick(["", "All", "bihar", "Goa"]),
            country=pick(["", "India", "India", "Nepal"]),
            device_type=pick(["", *DEVICES]),
        )

    def _window(self, now_us: int) -> tuple[int, int]:
        start_us = now_us + self._rng.randrange(-20, 10)
        return start_us, start_us + self._rng.randrange(1, 40)


def assert_agrees(index: Index, store: Iterable[Campaign], request: Request, now_us: int, ad_count: int) -> None:
    """Compares with a scan of every campaign: the same bids in the same order, of campaigns that match."""
    live = [one for one in store if is_live(one, now_us)]
    eligible = {one.campaign_id: one for one in live if reaches(one.targeting, request)}
    ads, next_bid_key = index.shortlist(request, now_us, ad_count, Random(1).random)
    keys = sorted((15 * one.cpc_nanos + one.cpa_nanos for one in eligible.values()), reverse=True)
    assert [ad.bid_key for ad in ads] == keys[:ad_count]
    assert next_bid_key == (keys[ad_count] if len(keys) > ad_count else 0)
    assert len({ad.campaign_id for ad in ads}) == len(ads)
    for ad in ads:
        stored = eligible[ad.campaign_id]
        assert (ad.cpc_nanos, ad.cpa_nanos, ad.targeting) == (stored.cpc_nanos, stored.cpa_nanos, stored.targeting)
        assert (ad.start_us, ad.end_us) == (stored.window.start_us, stored.window.end_us)
    assert index.any_live(now_us) is bool(live)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([1, 2, 10, 200]))
def test_index_agrees_with_a_scan(seed: int, chunk_size: int, ad_count: int) -> None:
    rng = Random(seed)
    world = World(rng)
    now_us = 100
    store = {one.campaign_id: one for one in [world.campaign(now_us) for _ in range(rng.randrange(40))]}
    index = Index.build(store.values(), now_us, chunk_size)
    for _ in range(20):
        known = list(store.values())
        changes = [world.campaign(now_us) for _ in range(rng.randrange(4))]
        changes += [world.changed(rng.choice(known), now_us) for _ in range(rng.randrange(8)) if known]
        store.update({one.campaign_id: one for one in changes})
        index.apply(changes, now_us)
        for _ in range(4):
            assert_agrees(index, store.values(), world.request(), now_us, ad_count)
            now_us += rng.choice([0, 0, 1, 5])


def test_time_that_steps_back_closes_what_had_opened() -> None:
    index = Index.build([campaign("a", window=(10, 20)), campaign("b", window=(15, 40), cpc_nanos=1)], 10)
    for now_us, expected in [(17, ["a", "b"]), (14, ["a"]), (9, []), (25, ["b"]), (15, ["a", "b"]), (40, [])]:
        assert [ad.campaign_id for ad in index.shortlist(Request(), now_us, 2, Random(1).random)[0]] == expected


def test_what_changes_later_counts_when_time_steps_back() -> None:
    index = Index.build([campaign("a", window=(10, 20)), campaign("b", window=(10, 60))], 10)
    assert len(index.shortlist(Request(), 15, 9, Random(1).random)[0]) == 2
    index.apply([campaign("c", window=(12, 50)), campaign("b", window=(10, 60), slot_budget_nanos=0)], 30)
    for now_us, expected in [(15, {"a", "c"}), (11, {"a"}), (30, {"c"})]:
        assert {ad.campaign_id for ad in index.shortlist(Request(), now_us, 9, Random(1).random)[0]} == expected


def test_campaigns_that_have_ended_are_let_go() -> None:
    old = [campaign(f"{number:05}", window=(0, 10)) for number in range(400)]
    index = Index.build(old, 5, 100)
    assert len(index) == 400
    for number in range(400, 4_000):  # each lies behind the one before: the chunks before it get no more
        index.apply([campaign(f"{number:05}", window=(number, number + 100)), old[number % 400]], number)
    assert 100 <= len(index) < 700


def test_a_campaign_that_has_ended_is_not_taken_in() -> None:
    index = Index.build([campaign("a", window=(0, 50))], 50)
    index.apply([campaign("a", window=(0, 50)), campaign("b", window=(0, 10))], 50)
    assert len(index) == 0


def test_chunks_that_stops_have_emptied_are_joined() -> None:
    campaigns = [campaign(f"{number:05}", cpc_nanos=number) for number in range(1_000)]
    index = Index.build(campaigns, 0, 10)
    for one in campaigns:
        if one.cpc_nanos % 100:
            index.apply([replace(one, status=Status.STOPPED)], 0)
    assert len(index) == 10
    ads, _ = index.shortlist(Request(), 0, 10, Random(1).random)
    assert [ad.cpc_nanos for ad in ads] == list(range(900, -1, -100))
    assert len(index._chunks) <= 2
