"""Builds users: all fourteen columns, from the data sets or from made-up people. Same seed, same users."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from simulator.users.demographics import Demographics
from simulator.users.devices import DEVICE_SHARES, USER_AGENTS
from simulator.users.preferences import Preferences
from simulator.users.samples import sample_demographics, sample_preferences
from simulator.users.user import User, user_id

_CHUNK: Final = 1 << 16
_DEVICES: Final = tuple(DEVICE_SHARES)


def build_users(
    count: int,
    seed: int,
    advertising: Sequence[Demographics] | None = None,
    ads16: Sequence[Preferences] | None = None,
) -> Iterator[User]:
    """Yields `count` users, each with the demographics of one random person and the preferences of another.

    What a data set does not give is made up; the order and the ids depend on nothing but the arguments.
    """
    people = advertising or sample_demographics()
    picks = np.random.default_rng([seed, 0])
    drawn = (people[pick] for size in _chunks(count) for pick in picks.integers(len(people), size=size).tolist())
    return _complete(drawn, count, seed, ads16)


def users_of(
    advertising: Sequence[Demographics], seed: int, ads16: Sequence[Preferences] | None = None
) -> Iterator[User]:
    """Yields one user per row of Advertising, in its order; the ids are the same whatever the seed."""
    return _complete(advertising, len(advertising), seed, ads16)


def _complete(
    people: Iterable[Demographics], count: int, seed: int, ads16: Sequence[Preferences] | None
) -> Iterator[User]:
    tastes = ads16 or sample_preferences()
    tastes_by_gender = {gender: [one for one in tastes if one.gender in (gender, "")] or tastes for gender in "FM"}
    draws = _draws(count, np.random.default_rng([seed, 1]))
    for index, (person, (device_no, agent_draw, taste_draw)) in enumerate(zip(people, draws, strict=True)):
        device = _DEVICES[device_no]
        agents, choices = USER_AGENTS[device], tastes_by_gender[person.gender]
        taste = choices[int(taste_draw * len(choices))]
        yield User(
            id=user_id(index),
            age=person.age,
            gender=person.gender,
            internet_usage=person.internet_usage,
            income_bucket=person.income_bucket,
            user_agent_string=agents[int(agent_draw * len(agents))],
            device_type=device,
            websites=taste.websites,
            movies=taste.movies,
            music=taste.music,
            program=taste.program,
            books=taste.books,
            negatives=taste.negatives,
            positives=taste.positives,
        )


def _draws(count: int, rng: np.random.Generator) -> Iterator[tuple[int, float, float]]:
    """Yields each user's device number and two numbers in [0, 1): drawn in chunks, as numpy is fast at."""
    shares = list(DEVICE_SHARES.values())
    for size in _chunks(count):
        devices = rng.choice(len(shares), size=size, p=shares).tolist()
        yield from zip(devices, rng.random(size).tolist(), rng.random(size).tolist(), strict=True)


def _chunks(count: int) -> Iterator[int]:
    for start in range(0, count, _CHUNK):
        yield min(_CHUNK, count - start)
