"""Makes a command stream with the shape of a real one. Same arguments, same stream, byte for byte."""

import heapq
import uuid
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count as count_up
from itertools import islice
from random import Random
from typing import Final, TypeVar

from admanager.stream import shape
from admanager.stream.command import NEW, UPDATE
from admanager.stream.samples import sample_titles
from admanager.stream.titles import Title
from admanager.stream.window import TextWindow, write_window

_UUID_EPOCH: Final = datetime(1582, 10, 15, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SMALL_BUDGET_SHARE: Final = 0.15
_SMALL_BUDGET_THOUSANDTHS: Final = (10, 200)
_HIGH_CPA_STEPS: Final = (550, 600)

_T = TypeVar("_T", bound=Hashable)


def generate_commands(
    count: int,
    seed: int,
    at_us: int,
    titles: Sequence[Title] | None = None,
    small_budget_share: float | None = None,
) -> Iterator[dict[str, object]]:
    """Yields `count` commands as they stand on the topic; the first campaign is created at `at_us`.

    Titles serve in random order, again from the start when all are used; without any, made-up ones. A share of the
    campaigns (0 to 1; 0.15 with made-up titles, else none) gets a high cpa and a budget of 0.010 to 0.200: at 500 ads a
    second some of these run out, and many slots run dry, within a minute.
    """
    rng = Random(seed)
    share = small_budget_share if small_budget_share is not None else 0.0 if titles else _SMALL_BUDGET_SHARE
    campaigns = _campaigns(rng, at_us, titles or sample_titles(), share)
    return islice(_interleaved(rng, campaigns), count)


def _interleaved(rng: Random, campaigns: Iterator[list[dict[str, object]]]) -> Iterator[dict[str, object]]:
    """Yields each campaign's commands in order, and between two of them as many others' as in a real stream."""
    later: list[tuple[int, int, dict[str, object]]] = []
    order = count_up()
    for place in count_up():
        if later and later[0][0] <= place:
            yield heapq.heappop(later)[2]
            continue
        first, *rest = next(campaigns)
        yield first
        due = place
        for command in rest:
            due += _from_deciles(rng, shape.COMMANDS_BETWEEN)
            heapq.heappush(later, (due, next(order), command))


def _campaigns(
    rng: Random, at_us: int, titles: Sequence[Title], small_share: float
) -> Iterator[list[dict[str, object]]]:
    created = _EPOCH + timedelta(microseconds=at_us)
    while True:
        for title in rng.sample(titles, len(titles)):
            prices = partial(_small_prices if rng.random() < small_share else _prices, rng)
            command = {**_base(rng, title, created), **prices()}
            life = []
            for action in _pick(rng, shape.LIVES):
                if action == UPDATE:
                    command = {**command, **prices()}
                life.append({**command, "action": action})
            yield life
            created += timedelta(
                seconds=_from_deciles(rng, shape.SECONDS_BETWEEN_NEWS), microseconds=rng.randrange(10**6)
            )


def _base(rng: Random, title: Title, created: datetime) -> dict[str, object]:
    """Returns what stays the same in all commands of a campaign."""
    age_start, age_end = _pick(rng, shape.AGE_RANGES)
    city, state = _pick(rng, shape.CITIES)
    fields: dict[str, object] = {
        "text": title.text,
        "category": title.category,
        "keywords": title.keywords,
        "campaign_id": str(_uuid1(rng, created)),
        "action": NEW,
        "target_gender": _pick(rng, shape.GENDERS),
        "target_age_range": {"start": age_start, "end": age_end},
        "target_city": city,
        "target_state": state,
        "target_country": shape.COUNTRY,
        "target_income_bucket": _pick(rng, shape.INCOME_BUCKETS),
        "target_device": _pick(rng, shape.DEVICES),
        "cpc": "",
        "cpa": "",
        "budget": "",
    }
    return write_window(fields, _window(rng, created), UTC)


def _window(rng: Random, created: datetime) -> TextWindow:
    start = created.replace(minute=0, second=0, microsecond=0)
    midnight = start.replace(hour=0) + timedelta(days=1)
    end_hour = rng.randint(min(start.hour + shape.SHORTEST_PAST_A_DAY_HOURS, 24), 24)
    return TextWindow(start, midnight + timedelta(hours=end_hour % 24))


def _prices(rng: Random) -> dict[str, object]:
    return {
        "cpc": f"0.{rng.randint(*shape.CPC_STEPS):05d}",
        "cpa": f"0.{rng.randint(*shape.CPA_STEPS):04d}",
        "budget": str(_pick(rng, shape.BUDGETS)),
    }


def _small_prices(rng: Random) -> dict[str, object]:
    cpa, budget = rng.randint(*_HIGH_CPA_STEPS), rng.randint(*_SMALL_BUDGET_THOUSANDTHS)
    return {**_prices(rng), "cpa": f"0.{cpa:04d}", "budget": f"0.{budget:03d}"}


def _uuid1(rng: Random, created: datetime) -> uuid.UUID:
    ticks = (created - _UUID_EPOCH) // timedelta(microseconds=1) * 10
    node = rng.getrandbits(48) | 1 << 40  # the multicast bit: a random node, no one's network card
    fields = (ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48, rng.getrandbits(6), rng.getrandbits(8), node)
    return uuid.UUID(fields=fields, version=1)


def _pick(rng: Random, weights: Mapping[_T, int]) -> _T:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def _from_deciles(rng: Random, deciles: Sequence[int]) -> int:
    low = rng.randrange(len(deciles) - 1)
    return rng.randint(deciles[low], deciles[low + 1])
