"""Simulated people: by the odds, the weights and the shares that were asked for; the same seed, the same visits."""

import random
from collections import Counter
from math import sqrt

import pytest

from marketplace.campaign import PRIVACY_USER_ID
from marketplace.feedback import Action
from simulator.behaviour import CITIES, Habits, Person, Visit, draw_actions, plan_visit

DRAWS = 10_000
PEOPLE = [Person(f"user-{index}", 20 + index % 50, "iPhone" if index % 4 == 0 else "Macbook") for index in range(1_000)]
ODDS_BY_AGE = {
    0: 4, 9: 4, 10: 48, 19: 48, 20: 36, 35: 28, 40: 24, 59: 20, 60: 8, 79: 16, 80: 4, 99: 4, 105: 4, 119: 4, 120: 4
}  # fmt: skip


def visits(count: int, habits: Habits = Habits(), seed: int = 7) -> list[Visit]:  # noqa: B008  # frozen
    return [plan_visit(seed, number, PEOPLE, habits) for number in range(count)]


def within_four_sigma(count: int, total: int, share: float) -> bool:
    return abs(count - total * share) <= 4 * sqrt(total * share * (1 - share))


@pytest.mark.parametrize(("age", "odds"), ODDS_BY_AGE.items())
def test_acquisition_is_drawn_first_and_then_a_click_with_the_same_odds(age: int, odds: int) -> None:
    draw = random.Random(age)
    ends = Counter(draw_actions(age, draw)[-1] for _ in range(DRAWS))
    share = odds / 256
    assert within_four_sigma(ends[Action.ACQUISITION], DRAWS, share)
    assert within_four_sigma(ends[Action.CLICK], DRAWS, (1 - share) * share)


def test_actions_begin_with_a_view_and_rise() -> None:
    draw = random.Random(1)
    kinds = Counter(draw_actions(15, draw) for _ in range(DRAWS))
    view, click, acquisition = Action.VIEW, Action.CLICK, Action.ACQUISITION
    assert set(kinds) == {(view,), (view, click), (view, acquisition), (view, click, acquisition)}
    acquisitions = kinds[view, acquisition] + kinds[view, click, acquisition]
    assert within_four_sigma(kinds[view, click, acquisition], acquisitions, 0.5)


def test_cities_come_by_weight_each_in_its_state() -> None:
    places = Counter((visit.city, visit.state) for visit in visits(DRAWS))
    assert len(CITIES) == 17
    assert sum(weight for _, _, weight in CITIES) == 7_760
    for city, state, weight in CITIES:
        assert within_four_sigma(places[city, state], DRAWS, weight / 7_760)
    assert places.total() == DRAWS
    assert {visit.country for visit in visits(10)} == {"India"}


def test_five_percent_hide_who_they_are_but_not_what_they_hold() -> None:
    made = visits(DRAWS)
    private = [visit for visit in made if visit.user_id == PRIVACY_USER_ID]
    assert within_four_sigma(len(private), DRAWS, 0.05)
    assert within_four_sigma(sum(visit.device_type == "iPhone" for visit in private), len(private), 0.25)
    devices = {person.user_id: person.device_type for person in PEOPLE}
    assert all(visit.device_type == devices[visit.user_id] for visit in made if visit.user_id != PRIVACY_USER_ID)
    assert len({visit.user_id for visit in made}) == len(PEOPLE) + 1


def test_a_private_user_acts_by_the_age_behind_the_id() -> None:
    teenagers = [Person("a", 15, "iPhone"), Person("b", 15, "iPhone")]
    made = [plan_visit(3, number, teenagers, Habits()) for number in range(DRAWS * 4)]
    private = [visit for visit in made if visit.user_id == PRIVACY_USER_ID]
    acquired = sum(visit.steps[0][-1].action is Action.ACQUISITION for visit in private)
    assert within_four_sigma(acquired, len(private), 48 / 256)


def test_a_visit_is_the_same_in_whatever_order_visits_are_made() -> None:
    habits = Habits(ad_count=3, duplicates=0.3, lost=0.3)
    forward = visits(200, habits)
    backward = [plan_visit(7, number, PEOPLE, habits) for number in reversed(range(200))]
    assert forward == backward[::-1]
    assert forward != visits(200, habits, seed=8)
    assert len({visit.user_id for visit in forward}) > 100


def test_shares_of_feedback_are_sent_twice_and_never() -> None:
    plain = visits(DRAWS)
    habits = Habits(duplicates=0.05, lost=0.1)
    steps = [step for visit in visits(DRAWS, habits) for step in visit.steps[0]]
    meant = sum(len(visit.steps[0]) for visit in plain)
    assert all(step.copies == 1 for visit in plain for step in visit.steps[0])
    assert abs(len(steps) / meant - 0.9) < 0.02
    assert within_four_sigma(sum(step.copies == 2 for step in steps), len(steps), 0.05)


def test_people_think_before_they_click_but_not_before_they_see() -> None:
    steps = [step for visit in visits(DRAWS, Habits(think_s=0.5)) for step in visit.steps[0]]
    assert {step.pause_s for step in steps if step.action is Action.VIEW} == {0.0}
    pauses = [step.pause_s for step in steps if step.action is not Action.VIEW]
    assert max(pauses) <= 1.0
    assert abs(sum(pauses) / len(pauses) - 0.5) < 0.02


def test_every_ad_of_a_visit_gets_its_own_steps() -> None:
    made = visits(100, Habits(ad_count=4))
    assert {visit.ad_count for visit in made} == {4}
    assert any(len({len(steps) for steps in visit.steps}) > 1 for visit in made)
