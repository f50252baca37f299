"""Equal bids: every tied campaign has the same chance, wherever it lies in the index."""

import math
import random
from collections import Counter

import pytest
from auction_campaigns import campaign

from adserver.auction import hold_auction
from adserver.index import Index
from adserver.request import Request
from marketplace.campaign import Campaign, Targeting

DRAWS = 10_000
NOW_US = 5_000


def assert_fair(counts: Counter[str], names: list[str], draws: int, chance: float) -> None:
    """Asserts that each name came up within three standard deviations of its chance."""
    assert set(counts) == set(names)
    sigma = math.sqrt(draws * chance * (1 - chance))
    for name in names:
        assert abs(counts[name] - draws * chance) < 3 * sigma, (name, counts)


def tied(count: int) -> list[Campaign]:
    """Makes campaigns of one bid; every third of them reaches women only, and one bids more and one less."""
    return [
        campaign("higher", cpc_nanos=700_000, targeting=Targeting(gender="M")),
        *(campaign(f"{n:02}", targeting=Targeting(gender="All" if n % 3 else "F")) for n in range(count)),
        campaign("lower", cpc_nanos=1),
    ]


def build(chunk_size: int, later: int) -> Index:
    """Makes an index of fifteen tied campaigns, the last `later` of them put in afterwards."""
    campaigns = tied(15)
    index = Index.build(campaigns[: len(campaigns) - later], NOW_US, chunk_size)
    index.apply(campaigns[len(campaigns) - later :], NOW_US)
    return index


LAYOUTS = pytest.mark.parametrize(
    ("chunk_size", "later"), [(2_048, 0), (2_048, 8), (4, 0), (4, 8), (1, 0)], ids=lambda value: str(value)
)


@LAYOUTS
def test_each_of_fifteen_wins_as_often(chunk_size: int, later: int) -> None:
    index, rng = build(chunk_size, later), random.Random(3)
    wins = [hold_auction(index, Request(gender="F"), NOW_US, 1, rng.random)[0] for _ in range(DRAWS)]
    names = [f"{n:02}" for n in range(15)]
    assert_fair(Counter(win.ad.campaign_id for win in wins), names, DRAWS, 1 / 15)
    assert {win.auction_cpc_nanos for win in wins} == {660_000}


@LAYOUTS
def test_only_those_of_the_tie_that_match_are_drawn(chunk_size: int, later: int) -> None:
    index, rng = build(chunk_size, later), random.Random(4)
    wins = [hold_auction(index, Request(), NOW_US, 1, rng.random)[0] for _ in range(DRAWS)]
    names = [f"{n:02}" for n in range(15) if n % 3]
    assert_fair(Counter(win.ad.campaign_id for win in wins), names, DRAWS, 1 / len(names))


@LAYOUTS
def test_each_has_the_same_chance_of_every_place(chunk_size: int, later: int) -> None:
    index, rng = build(chunk_size, later), random.Random(9)
    places: list[Counter[str]] = [Counter() for _ in range(4)]
    for _ in range(DRAWS):
        wins = hold_auction(index, Request(gender="M"), NOW_US, 5, rng.random)
        assert wins[0].ad.campaign_id == "higher"
        assert len({win.ad.campaign_id for win in wins}) == 5
        for place, win in zip(places, wins[1:], strict=True):
            place[win.ad.campaign_id] += 1
    names = [f"{n:02}" for n in range(15) if n % 3]
    for place in places:
        assert_fair(place, names, DRAWS, 1 / len(names))


def test_a_seed_makes_the_draw_repeatable() -> None:
    index = build(4, 8)

    def winners(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [hold_auction(index, Request(), NOW_US, 3, rng.random)[2].ad.campaign_id for _ in range(20)]

    assert winners(1) == winners(1)
    assert winners(1) != winners(2)


def test_a_tie_that_is_drawn_out_is_followed_by_the_next_bid() -> None:
    wins = hold_auction(build(4, 8), Request(), NOW_US, 10, random.Random(1).random)
    wins_of_all = hold_auction(build(4, 8), Request(gender="F"), NOW_US, 10, random.Random(1).random)
    assert len(wins) == 10
    assert [win.auction_cpc_nanos for win in wins_of_all] == [660_000] * 10
