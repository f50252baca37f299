"""Campaigns and requests with the shares of a real command stream, as many as are wanted.

Two kinds of a million campaigns: `afresh` draws every field by its share in the stream, so that bids repeat as they do
there (1,565 different ones at most) and targetings become some 6,000; `repeated` has 4,225 campaigns over and over.
"""

import uuid
from collections.abc import Iterator, Mapping
from random import Random
from typing import Final, TypeVar

import numpy as np

from admanager.stream import shape
from adserver.request import Request
from marketplace.campaign import ALL, Campaign, Targeting, Window

T = TypeVar("T")

HOUR_US: Final = 3_600_000_000
_STREAM: Final = 4_225
_PRIVATE_SHARE: Final = 0.05


def campaigns(count: int, now_us: int, repeated: bool = False, seed: int = 7) -> Iterator[Campaign]:
    """Makes campaigns that are live at the instant and for an hour to a day after it."""
    rng = Random(seed)
    numbers = np.random.default_rng(seed)
    kinds = _kinds(min(count, _STREAM) if repeated else count, numbers)
    if repeated:
        kinds = [kinds[n] for n in numbers.integers(0, len(kinds), count)]
    starts = now_us - numbers.integers(0, HOUR_US, count)
    ends = now_us + HOUR_US + numbers.integers(0, 24 * HOUR_US, count)
    for number, (targeting, cpc_nanos, cpa_nanos) in enumerate(kinds):
        yield Campaign(
            campaign_id=str(uuid.UUID(int=rng.getrandbits(128))),
            account="default",
            text=f"{number:>095}",  # as long as a real one
            category=f"category {number % 40}",
            keywords="",
            targeting=targeting,
            window=Window(int(starts[number]), int(ends[number])),
            cpc_nanos=cpc_nanos,
            cpa_nanos=cpa_nanos,
            budget_nanos=10**12,
            highest_budget_nanos=10**12,
            slot_budget_nanos=10**10,
        )


def requests(count: int, seed: int = 8) -> list[Request]:
    """Makes requests as users send them; one in twenty keeps its privacy."""
    rng = Random(seed)
    cities = [place for place in shape.CITIES if place[0] != ALL]
    shares = [shape.CITIES[place] for place in cities]
    devices = [device for device in shape.DEVICES if device != ALL]
    made = []
    for city, state in rng.choices(cities, shares, k=count):
        device = rng.choice(devices)
        if rng.random() < _PRIVATE_SHARE:
            made.append(Request(None, "", "", city, state, shape.COUNTRY, device))
        else:
            who = rng.randint(18, 62), rng.choice("FM"), rng.choice("LMH")
            made.append(Request(*who, city, state, shape.COUNTRY, device))
    return made


def _kinds(count: int, numbers: np.random.Generator) -> list[tuple[Targeting, int, int]]:
    known: dict[tuple[object, ...], Targeting] = {}
    kinds = []
    for gender, (start, end), (city, state), income, device, cpc, cpa in zip(
        _drawn(shape.GENDERS, count, numbers),
        _drawn(shape.AGE_RANGES, count, numbers),
        _drawn(shape.CITIES, count, numbers),
        _drawn(shape.INCOME_BUCKETS, count, numbers),
        _drawn(shape.DEVICES, count, numbers),
        numbers.integers(*shape.CPC_STEPS, count, endpoint=True).tolist(),
        numbers.integers(*shape.CPA_STEPS, count, endpoint=True).tolist(),
        strict=True,
    ):
        key = (gender, start, city, income, device)
        if key not in known:
            known[key] = Targeting(
                gender=gender,
                age_start=int(start),
                age_end=int(end),
                city=city,
                state=state,
                country=shape.COUNTRY,
                income_bucket=income,
                device=device,
            )
        kinds.append((known[key], cpc * 10_000, cpa * 100_000))
    return kinds


def _drawn(weights: Mapping[T, int], count: int, numbers: np.random.Generator) -> list[T]:
    values = list(weights)
    shares = np.array(list(weights.values()), np.float64)
    return [values[n] for n in numbers.choice(len(values), count, p=shares / shares.sum())]
