"""Figures: what is counted, and what becomes of it when Prometheus asks."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from marketplace.metrics import Figure, Histogram, counter, gauge, histogram
from marketplace.runtime.metrics_endpoint import FigureCollector


def exposed(*figures: Figure) -> list[str]:
    registry = CollectorRegistry()
    registry.register(FigureCollector(figures))
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("# HELP")]


def test_a_histogram_counts_up_to_and_with_each_bound() -> None:
    spread = Histogram((1, 2, 5))
    for value in (0, 1, 1.5, 2, 5, 5.1, 100):
        spread.observe(value)
    assert spread.counts == [2, 2, 1, 2]
    assert (spread.count, spread.total) == (7, pytest.approx(114.6))


def test_a_histogram_is_told_with_growing_buckets() -> None:
    spread = Histogram((0.5, 10))
    for value in (0.25, 1, 2, 20):
        spread.observe(value)
    assert exposed(histogram("adplatform_x_seconds", "X.", lambda: {("a",): spread}, "topic")) == [
        "# TYPE adplatform_x_seconds histogram",
        'adplatform_x_seconds_bucket{le="0.5",topic="a"} 1.0',
        'adplatform_x_seconds_bucket{le="10.0",topic="a"} 3.0',
        'adplatform_x_seconds_bucket{le="+Inf",topic="a"} 4.0',
        'adplatform_x_seconds_count{topic="a"} 4.0',
        'adplatform_x_seconds_sum{topic="a"} 23.25',
    ]


def test_counters_and_gauges_are_told_with_their_labels() -> None:
    told = exposed(
        counter("adplatform_a_total", "A.", lambda: {("x", "1"): 3, ("y", "2"): 0}, "one", "two"),
        gauge("adplatform_b", "B.", lambda: 1.5),
    )
    assert told == [
        "# TYPE adplatform_a_total counter",
        'adplatform_a_total{one="x",two="1"} 3.0',
        'adplatform_a_total{one="y",two="2"} 0.0',
        "# TYPE adplatform_b gauge",
        "adplatform_b 1.5",
    ]


def test_what_is_not_known_or_cannot_be_read_is_left_out_and_nothing_else() -> None:
    def broken() -> float:
        raise RuntimeError("gone")

    told = exposed(
        gauge("adplatform_a", "A.", lambda: None), gauge("adplatform_b", "B.", broken), gauge("c", "C.", int)
    )
    assert told == ["# TYPE adplatform_a gauge", "# TYPE adplatform_b gauge", "# TYPE c gauge", "c 0.0"]


def test_money_is_exact_up_to_nine_million_units() -> None:
    nanos = 2**53 - 1
    (_, line) = exposed(counter("adplatform_nanos_total", "N.", lambda: nanos))
    assert int(float(line.split()[1])) == nanos


def test_a_counter_says_so_in_its_name() -> None:
    with pytest.raises(ValueError, match="ends with _total"):
        counter("adplatform_things", "T.", int)
