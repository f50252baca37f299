"""Made streams have the shape of the real one."""

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from admanager.stream import StreamCommand, Title, generate_commands, schedule, shape
from admanager.stream.command import COLUMNS, NEW, STOP, UPDATE, encode
from admanager.stream.samples import sample_titles
from admanager.stream.window import read_window
from marketplace.money import parse_nanos

AT_US = 1_790_000_000_123_456
COUNT = 8_000
STREAM: list[dict[str, Any]] = list(generate_commands(COUNT, seed=1, at_us=AT_US))
NEWS = [command for command in STREAM if command["action"] == NEW]
TITLES = [Title(f"Title {number}", "Other", "one,two") for number in range(50)]


def lives() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for command in STREAM:
        found.setdefault(command["campaign_id"], []).append(command)
    return found


def assert_shares(found: Mapping[Any, int], weights: Mapping[Any, int], within: float) -> None:
    total, weight = sum(found.values()), sum(weights.values())
    assert set(found) <= set(weights)
    for value, share in weights.items():
        assert abs(found.get(value, 0) / total - share / weight) < within, value


def test_actions_come_in_the_real_proportions() -> None:
    assert len(STREAM) == COUNT
    assert_shares(Counter(one["action"] for one in STREAM), {NEW: 4_225, UPDATE: 1_320, STOP: 2_132}, 0.02)
    complete = list(lives().values())[: len(NEWS) - 200]  # the last ones are cut off
    assert_shares(Counter(tuple(one["action"] for one in life) for life in complete), shape.LIVES, 0.03)


def test_targeting_comes_in_the_real_proportions() -> None:
    for name, weights in (
        ("target_gender", shape.GENDERS),
        ("target_income_bucket", shape.INCOME_BUCKETS),
        ("target_device", shape.DEVICES),
    ):
        assert_shares(Counter(one[name] for one in NEWS), weights, 0.03)
    ages = Counter((one["target_age_range"]["start"], one["target_age_range"]["end"]) for one in NEWS)
    assert_shares(ages, shape.AGE_RANGES, 0.03)
    assert_shares(Counter((one["target_city"], one["target_state"]) for one in NEWS), shape.CITIES, 0.03)


def test_every_command_has_all_fields_in_order_and_prices_in_bounds() -> None:
    for command in STREAM:
        assert tuple(command) == COLUMNS
        assert 100_000 <= parse_nanos(command["cpc"]) <= 1_500_000
        assert 2_000_000 <= parse_nanos(command["cpa"]) <= 60_000_000
        assert len(command["cpc"]) == len("0.00066")
        assert len(command["cpa"]) == len("0.0529")


def test_an_update_changes_prices_only_and_a_stop_nothing() -> None:
    prices = {"cpc", "cpa", "budget"}
    changed: set[str] = set()
    for life in lives().values():
        for before, after in pairwise(life):
            differing = {name for name in COLUMNS if before[name] != after[name]} - {"action"}
            assert differing <= (prices if after["action"] == UPDATE else set())
            changed |= differing
    assert changed == prices


def test_ids_are_uuid1_whose_times_follow_the_stream_and_windows_begin_in_their_hour() -> None:
    times = [timed.time_us for timed in schedule(StreamCommand(1, one) for one in NEWS)]
    assert times[0] == AT_US
    assert all(20_000_000 <= later - earlier <= 247_000_000 for earlier, later in pairwise(times))
    assert len({one["campaign_id"] for one in NEWS}) == len(NEWS)
    assert {uuid.UUID(one["campaign_id"]).version for one in NEWS} == {1}
    for command, time_us in zip(NEWS, times, strict=True):
        window = read_window(command, UTC)
        assert window is not None
        assert window.start == datetime.fromtimestamp(time_us // 3_600_000_000 * 3_600, UTC)
        assert timedelta(hours=1) <= window.end - window.start <= timedelta(hours=47)
    assert {one["time_range"]["end"] for one in NEWS} >= {"0:00:00", "9:00:00"}


def test_made_up_titles_are_used_once_each_before_any_again() -> None:
    titles = sample_titles()
    assert len({title.text for title in titles}) == len(titles) > 1_000
    assert len({one["text"] for one in NEWS[: len(titles)]}) == len(titles)


def test_given_titles_are_used_with_their_category_and_keywords() -> None:
    commands = [one for one in generate_commands(70, 1, AT_US, TITLES) if one["action"] == NEW]
    assert {one["text"] for one in commands[:50]} == {title.text for title in TITLES}
    assert {(one["category"], one["keywords"]) for one in commands} == {("Other", "one,two")}
    assert all(parse_nanos(one["budget"]) >= 100 * 10**9 for one in commands)


def test_small_budgets_come_in_their_share_with_a_high_cpa() -> None:
    def small(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in commands if parse_nanos(one["budget"]) <= 200_000_000]

    assert abs(len(small(NEWS)) / len(NEWS) - 0.15) < 0.03
    assert all(parse_nanos(one["budget"]) >= 10_000_000 for one in small(STREAM))
    assert all(parse_nanos(one["cpa"]) >= 55_000_000 for one in small(STREAM))
    for share, expected in ((0.0, 0), (1.0, 200)):
        assert len(small(list(generate_commands(200, 1, AT_US, TITLES, small_budget_share=share)))) == expected


def test_same_arguments_same_bytes() -> None:
    def made(seed: int) -> bytes:
        return b"".join(encode(command) for command in generate_commands(500, seed, AT_US))

    assert made(1) == b"".join(encode(command) for command in STREAM[:500])
    assert made(1) != made(2)
