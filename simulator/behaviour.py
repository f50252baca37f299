"""What simulated people do: who asks, from where, and how each acts on the ads that are shown. Pure.

All randomness of one visit comes from the seed and the visit's number, so a run is the same however its visits
interleave.
"""

import random
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from marketplace.campaign import PRIVACY_USER_ID
from marketplace.feedback import Action

COUNTRY: Final = "India"
PRIVACY_SHARE: Final = 0.05

# City, its state as campaigns spell it, its weight.
CITIES: Final = (
    ("Mumbai", "Maharashtra", 1640),
    ("Delhi", "Delhi", 1250),
    ("Bangalore", "Karnataka", 851),
    ("Kolkata", "West Bengal", 627),
    ("Chennai", "Tamil Nadu", 558),
    ("Hyderabad", "Telangana", 514),
    ("Ahmedabad", "Gujrat", 372),
    ("Pune", "Maharashtra", 362),
    ("Surat", "Gujrat", 297),
    ("Jaipur", "Rajasthan", 235),
    ("Lucknow", "Uttar Pradesh", 195),
    ("Vadodra", "Gujrat", 185),
    ("Nagpur", "Maharashtra", 162),
    ("Coimbatore", "Tamil Nadu", 146),
    ("Indore", "Madhya pradesh", 123),
    ("Ludhiana", "Punjab", 123),
    ("Patna", "Bihar", 120),
)
# Out of 256, by decade of age: 0-9, 10-19, and so on to 110-119.
ODDS: Final = (4, 48, 36, 28, 24, 20, 8, 16, 4, 4, 4, 4)
_OUT_OF: Final = 256

# Half of those who buy, sign up or install are reported with the click that led there, half without: apps do both, and
# the bill is the same.
_CLICK_REPORTED: Final = 0.5

_CITY_MARKS: Final = tuple(accumulate(weight for _, _, weight in CITIES))


class Person(NamedTuple):
    """What a simulation needs of a user: the age decides what that person does, whether or not the app knows it."""

    user_id: str
    age: int
    device_type: str


class People(Protocol):
    """The users of a simulation."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Person: ...


@dataclass(frozen=True, slots=True)
class Habits:
    """What can be set: ads asked for at once, the mean pause before a click or an acquisition, the shares of feedback
    that is sent twice and that is never sent."""

    ad_count: int = 1
    think_s: float = 0.1
    duplicates: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One feedback: after `pause_s`, the action is sent `copies` times (2 for a duplicate; lost ones are no steps)."""

    action: Action
    pause_s: float
    copies: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for ads, and for each ad that it may bring the steps that follow, in order."""

    number: int
    user_id: str
    device_type: str
    city: str
    state: str
    country: str
    steps: tuple[tuple[Step, ...], ...]

    @property
    def ad_count(self) -> int:
        """Returns how many ads are asked for."""
        return len(self.steps)


def plan_visit(seed: int, number: int, people: People, habits: Habits) -> Visit:
    """Returns visit `number` of the run with this seed (0 or more)."""
    draw = random.Random(seed << 64 | number)
    person = people[draw.randrange(len(people))]
    user_id, device_type = person.user_id, person.device_type
    if draw.random() < PRIVACY_SHARE:
        # Another user's device: each comes as often as there are users who have it.
        user_id, device_type = PRIVACY_USER_ID, people[draw.randrange(len(people))].device_type
    city, state, _ = CITIES[bisect_right(_CITY_MARKS, draw.randrange(_CITY_MARKS[-1]))]
    steps = tuple(_steps(person.age, habits, draw) for _ in range(habits.ad_count))
    return Visit(number, user_id, device_type, city, state, COUNTRY, steps)


def draw_actions(age: int, draw: random.Random) -> tuple[Action, ...]:
    """Returns what a person of this age does with one ad: a view; and by the odds an acquisition, or else a click."""
    odds = ODDS[min(age // 10, len(ODDS) - 1)]
    if draw.randrange(_OUT_OF) < odds:
        if draw.random() < _CLICK_REPORTED:
            return Action.VIEW, Action.CLICK, Action.ACQUISITION
        return Action.VIEW, Action.ACQUISITION
    if draw.randrange(_OUT_OF) < odds:
        return Action.VIEW, Action.CLICK
    return (Action.VIEW,)


def _steps(age: int, habits: Habits, draw: random.Random) -> tuple[Step, ...]:
    steps = []
    for action in draw_actions(age, draw):
        pause_s = 0.0 if action is Action.VIEW else draw.uniform(0, 2 * habits.think_s)
        lost, twice = draw.random() < habits.lost, draw.random() < habits.duplicates
        if not lost:
            steps.append(Step(action, pause_s, 2 if twice else 1))
    return tuple(steps)
