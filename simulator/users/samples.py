"""People made up for a first run without any data set: plausible distributions, no one's data."""

from functools import cache
from typing import Final

import numpy as np

from simulator.users.demographics import Demographics, Person, with_income_buckets
from simulator.users.preferences import Preferences

_SEED: Final = 16
_PEOPLE: Final = 2_000
_TASTES: Final = 240
_ITEMS: Final = {
    "websites": "news,maps,cricket scores,video clips,recipes,online shop,train tickets,music streams,job board,tv",
    "movies": "comedy,family drama,thriller,space adventure,romance,documentary,animation,historical epic,mystery",
    "music": "film songs,classical,rock,folk,jazz,hip hop,devotional,electronic,instrumental,pop",
    "program": "quiz show,evening news,cooking contest,daily soap,cricket highlights,nature series,talent show",
    "books": "detective story,biography,science fiction,poetry,short stories,self help,history,travel writing,comics",
    "negatives": "traffic,spider,litter,crowd,smoke,dentist,rainy monday,broken phone,noise",
    "positives": "beach,family dinner,puppy,mountain,garden,bicycle,festival,chai,sunrise",
}


@cache
def sample_demographics() -> list[Demographics]:
    """Returns made-up people of 13 to 80 years: the younger, the more online; incomes spread as incomes are."""
    rng = np.random.default_rng(_SEED)
    ages = np.clip(rng.gamma(6.0, 4.0, _PEOPLE) + 12, 13, 80).astype(int).tolist()
    usages = np.clip(240 - 1.5 * np.array(ages) + rng.normal(0, 40, _PEOPLE), 5, 400).round(2).tolist()
    incomes = rng.lognormal(10.5, 0.5, _PEOPLE).tolist()
    genders = rng.choice(["F", "M"], _PEOPLE).tolist()
    return with_income_buckets(
        [Person(*person) for person in zip(ages, genders, usages, incomes, strict=True)],
    )


@cache
def sample_preferences() -> list[Preferences]:
    """Returns made-up tastes: two to five things of each kind, for either gender."""
    rng = np.random.default_rng(_SEED)
    return [
        Preferences(gender="", **{kind: _some(rng, items.split(",")) for kind, items in _ITEMS.items()})
        for _ in range(_TASTES)
    ]


def _some(rng: np.random.Generator, items: list[str]) -> str:
    return ",".join(rng.permutation(items)[: rng.integers(2, 6)].tolist())
