"""Stats: percentiles within their promise, each feedback charged once, a result that JSON takes."""

import json
import random

from marketplace.feedback import Action
from simulator.behaviour import Step
from simulator.stats import Histogram, Stats


def test_percentiles_are_right_within_two_and_a_half_percent() -> None:
    draw = random.Random(1)
    seconds = sorted(draw.lognormvariate(-5, 1.5) for _ in range(10_000))
    histogram = Histogram()
    for one in seconds:
        histogram.add(one)
    for percent in (1, 50, 99):
        found = histogram.percentile_ms(percent)
        exact = seconds[percent * 100 - 1] * 1_000
        assert found is not None
        assert abs(found / exact - 1) < 0.026


def test_extremes_stay_in_bounds() -> None:
    histogram = Histogram()
    assert histogram.percentile_ms(50) is None
    for seconds in (0.0, -1.0, 1e-9, 1e6):
        histogram.add(seconds)
    assert histogram.percentile_ms(50) == 0.001
    assert (histogram.percentile_ms(100) or 0) > 900_000


def test_result() -> None:
    now = iter([10.0, 14.0])
    stats = Stats(wall=lambda: 1_700_000_000.5, clock=lambda: next(now))
    stats.requests = 4
    stats.ads_came(2, 0.001)
    stats.ads_came(0, 0.001)
    stats.ads_came(1, 0.1)
    stats.request_failed("INVALID_ARGUMENT")
    stats.feedback_came(False, 0.01)
    stats.feedback_came(True, 0.01)
    stats.step_done(Step(Action.CLICK, 0.0, 2), 500)
    stats.feedback_failed_for("NO_ANSWER")
    result = json.loads(json.dumps(stats.result()))
    expected = {
        "requests": 4, "serves": 3, "no_ads": 1, "fill_rate": 0.6667, "feedbacks": 2, "repeats": 1, "duplicates": 1,
        "views": 0, "clicks": 1, "acquisitions": 0, "charged_nanos": 500, "failed": 2, "requests_failed": 1,
        "feedback_failed": 1, "errors": {"INVALID_ARGUMENT": 1, "NO_ANSWER": 1}, "resent": {}, "abandoned": 0,
        "ads_per_second": 0.8, "first_ad_at": 1_700_000_000.5, "duration_s": 4.0,
    }  # fmt: skip
    assert {name: result[name] for name in expected} == expected
    assert set(result) - set(expected) == {"serve_p50_ms", "serve_p99_ms", "feedback_p50_ms", "feedback_p99_ms"}


def test_a_run_without_any_answer_has_a_result_too() -> None:
    result = Stats().result()
    assert (result["fill_rate"], result["serve_p50_ms"], result["first_ad_at"]) == (0.0, None, None)
