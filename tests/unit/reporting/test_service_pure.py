"""The pure pieces of the reporting service: traffic, the sample, estimates, courses, figures, pages."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from marketplace.campaign import Targeting, Window
from marketplace.clock import US_PER_SECOND
from marketplace.errors import InvalidArgument
from marketplace.slots import SlotGrid
from reporting.service.course import Course, Event, step_length_us
from reporting.service.estimate import Kind, demand_of, matching_users, slots_of
from reporting.service.figures import AuctionFigures
from reporting.service.pages import named_token, number_token, page_size
from reporting.service.sample import PER_MILLION, Sample, SampledAd, auction_number, matches
from reporting.service.traffic import MINUTE_US, Seen, Traffic

NOW_US = 1_000 * MINUTE_US + 15 * US_PER_SECOND
AD = SampledAd(NOW_US - MINUTE_US, "winner", 30_000, 20_000, 34, "F", "H", "Mumbai", "Maharashtra", "iPhone", "India")
UNKNOWN = AD._replace(age=None, gender="", income_bucket="", city="", state="", device_type="", country="")


def test_traffic_by_minute() -> None:
    traffic = Traffic()
    traffic.begin("a", 0)
    traffic.begin("b", NOW_US - 45 * US_PER_SECOND)
    traffic.add([Seen(NOW_US, ads=5), Seen(NOW_US - MINUTE_US, views=2, clicks=1, charged_nanos=7)])
    traffic.add([Seen(NOW_US, views=1), Seen(NOW_US - 3_600 * US_PER_SECOND, ads=1)])
    minutes = traffic.hour(NOW_US)
    assert len(minutes) == 60 and minutes[-1].start_us == 1_000 * MINUTE_US
    assert (minutes[-1].ads, minutes[-1].views, minutes[-1].seconds) == (5, 1, 15)
    assert (minutes[-2].clicks, minutes[-2].charged_nanos, minutes[-2].seconds) == (1, 7, 30)
    assert sum(minute.ads for minute in minutes) == 5 and minutes[0].seconds == 0


def test_traffic_forgets() -> None:
    traffic = Traffic()
    traffic.add(Seen(number * MINUTE_US, ads=1) for number in range(500))
    assert len(traffic._minutes) <= 121
    assert sum(minute.ads for minute in traffic.hour(499 * MINUTE_US)) == 60


def test_the_sample_is_the_same_for_everyone_and_of_its_size() -> None:
    ids = [auction_number(f"u{number % 7}", NOW_US + 2_000 * number) for number in range(20_000)]
    tenth, all_of_it, none = (Sample(per_million, 10) for per_million in (100_000, PER_MILLION, 0))
    taken = sum(tenth.takes(request_id) for request_id in ids)
    assert 1_700 < taken < 2_300 and all(map(all_of_it.takes, ids)) and not any(map(none.takes, ids))
    assert [tenth.takes(request_id) for request_id in ids] == [Sample(100_000, 5).takes(each) for each in ids]
    assert tenth.takes(0) and not tenth.takes(2**32 - 1) and all_of_it.takes(2**32 - 1)


def test_the_sample_keeps_the_newest_and_answers_the_last_hour() -> None:
    sample = Sample(PER_MILLION, 2)
    sample.add([AD, AD._replace(campaign_id="b"), AD._replace(served_at_us=0)])
    assert [ad.campaign_id for ad in sample.recent(NOW_US)] == ["b"]


@pytest.mark.parametrize(
    ("target", "known", "unknown"),
    [
        ({}, True, True),
        ({"gender": "f", "income_bucket": " h "}, True, False),
        ({"gender": "M"}, False, False),
        ({"age_start": 34, "age_end": 34}, True, False),
        ({"age_start": 35, "age_end": 99}, False, False),
        ({"city": "MUMBAI", "device": "iphone"}, True, True),
        ({"city": "Pune"}, False, True),
        ({"country": "india "}, True, True),
        ({"country": "Norway"}, False, True),
    ],
)
def test_whom_a_targeting_reaches(target: dict[str, object], known: bool, unknown: bool) -> None:
    targeting = Targeting(**target)  # type: ignore[arg-type]
    assert (matches(targeting, AD), matches(targeting, UNKNOWN)) == (known, unknown)


def test_users_that_match() -> None:
    users = {Kind(30, "F", "H", "iPhone"): 3, Kind(50, "M", "L", "Android Mobile"): 5, Kind(30, "M", "H", "iPhone"): 7}
    assert matching_users(Targeting(), users) == 15
    assert matching_users(Targeting(age_start=20, age_end=30), users) == 10
    assert matching_users(Targeting(gender="f", device="IPHONE", city="anywhere"), users) == 3


def test_slots_that_are_left() -> None:
    grid = SlotGrid()
    window = Window(0, 10 * grid.length_us)
    assert slots_of(grid, window, 1_000, 5 * grid.length_us) == slots_of(grid, window, 1_000, 5 * grid.length_us + 1)
    assert (slots_of(grid, window, 1_000, 5 * grid.length_us).count, slots_of(grid, window, 0, 0).count) == (5, 10)
    assert slots_of(grid, window, 1_001, 5 * grid.length_us).share_nanos == 201
    assert slots_of(grid, window, 1_000, 20 * grid.length_us) == slots_of(grid, window, 0, 11 * grid.length_us)


def test_what_a_slot_would_bring() -> None:
    grid = SlotGrid()
    ads = [AD._replace(served_at_us=NOW_US - 60 * US_PER_SECOND, auction=number) for number in range(6)]
    ads += [AD._replace(bid_cpm_nanos=90_000, auction=number) for number in range(6, 10)]
    found = demand_of(Targeting(), 50_000, ads, PER_MILLION // 10, grid, 10**9, NOW_US)
    assert (found.sampled, found.matching, found.winnable) == (10, 10, 6)
    assert found.slot_ads == 6 * 10 * 10, "six in a minute of a tenth of all ads, in a slot of ten minutes"
    assert found.slot_spend_nanos == 600 * 30_000
    assert demand_of(Targeting(), 50_000, ads, 100_000, grid, 1_000, NOW_US).slot_spend_nanos == 1_000
    several = [*ads, ads[0]._replace(bid_cpm_nanos=20_000), ads[6]._replace(bid_cpm_nanos=95_000)]
    again = demand_of(Targeting(), 50_000, several, PER_MILLION // 10, grid, 10**9, NOW_US)
    assert again == replace(found, sampled=12), "several ads of one auction are one auction, at the dearest price"
    assert demand_of(Targeting(), 50_000, [], 0, grid, 1_000, NOW_US).slot_spend_nanos == 0


def event(seq: int, at_us: int, charged: int = 0, view: int = 0) -> Event:
    return Event(seq, at_us, view, 0, 0, charged, 0, 40, 30)


def test_a_course_in_steps() -> None:
    course = Course()
    course.add([event(1, 10 * MINUTE_US, view=1), event(2, 10 * MINUTE_US + 1, 5), event(3, 13 * MINUTE_US, 7, view=1)])
    course.add([event(4, 13 * MINUTE_US, 1), event(5, 19 * MINUTE_US)])
    assert (course.last_seq, course.first_us, course.last_charged_us) == (5, 10 * MINUTE_US, 13 * MINUTE_US)
    first, second, _ = course.steps(10 * MINUTE_US, 20 * MINUTE_US, 2 * MINUTE_US)
    assert (first.start_us, first.charged_nanos, first.views, first.bid_cpm_nanos) == (10 * MINUTE_US, 5, 1, 40)
    assert (second.start_us, second.charged_nanos, second.clearing_cpm_nanos) == (12 * MINUTE_US, 8, 30)
    assert course.charged_from(11 * MINUTE_US) == 8 and course.steps(0, 5, 1) == []


@pytest.mark.parametrize(("minutes", "points", "step"), [(1, 10, 1), (10, 10, 1), (11, 10, 2), (10_000, 200, 50)])
def test_steps_are_whole_minutes_and_not_too_many(minutes: int, points: int, step: int) -> None:
    assert step_length_us(0, minutes * MINUTE_US, points) == step * MINUTE_US


def test_auctions_of_the_last_minute_over_all_ad_servers() -> None:
    answers: dict[str, Mapping[str, int] | OSError] = {"a": {"won": 5}, "b": {"won": 100, "no_live_campaign": 1}}

    def read(address: str) -> Mapping[str, int]:
        answer = answers[address]
        if isinstance(answer, OSError):
            raise answer
        return answer

    figures = AuctionFigures(["a", "b"], read)
    assert figures.last_minute() is None
    figures.read_once(0.0)
    assert figures.last_minute() == {"won": 0, "no_live_campaign": 0}, "how many were before is nobody's minute"
    answers["a"] = {"won": 8}
    answers["b"] = OSError("away")
    figures.read_once(2.0)
    answers["b"] = {"won": 4, "no_live_campaign": 2}  # it was started again
    figures.read_once(4.0)
    assert figures.last_minute() == {"won": 3 + 4, "no_live_campaign": 1}
    figures.read_once(63.0)
    assert figures.last_minute() == {"won": 4, "no_live_campaign": 1}


def test_tokens_of_pages() -> None:
    assert (number_token(""), number_token("17")) == (None, 17)
    assert (named_token(""), named_token("abc-20")) == (("", 0), ("abc", 20))
    for wrong in ("x", "-1", "1" * 19, "٣"):
        with pytest.raises(InvalidArgument):
            number_token(wrong)
    for wrong in ("abc", "abc-", "-5"):
        with pytest.raises(InvalidArgument):
            named_token(wrong)
    assert (page_size(0, 50, 200), page_size(200, 50, 200)) == (50, 200)
    with pytest.raises(InvalidArgument):
        page_size(201, 50, 200)
