"""The auction in memory: time at 10,000 and 1,000,000 campaigns, the worst cases, building, changes, memory.

Of one core, in this process, which does nothing else. Each request is timed once a round, and its time is the median of
the rounds: so what the machine does beside falls out of it, and what the index does stays. Percentiles are over all
requests. Times of a millisecond and more are processor time of this thread.
"""

import gc
import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final

from adserver.auction import hold_auction
from adserver.columns import AdColumns
from adserver.index import Index
from adserver.request import Request
from bench import machine
from bench.campaigns import HOUR_US, campaigns, requests
from bench.table import Figure
from marketplace.campaign import Status, Targeting

NOW_US: Final = 1_800_000_000_000_000
FEW, MANY = 10_000, 1_000_000
_REQUESTS: Final = 40_000
_ROUNDS: Final = 5
_PAGE: Final = 200
_BETWEEN: Final = 2_000
_NOWHERE: Final = Request(30, "F", "M", "Mumbai", "Maharashtra", "Atlantis", "iPhone")


def run() -> list[Figure]:
    """Measures all of it, in two minutes."""
    few = _auctions(_built(FEW)[0])
    index, seconds, each_bytes = _built(MANY)
    many = _auctions(index)
    changing = _auctions(index, changes=True)
    figures = [
        Figure(f"auction at {FEW:,} campaigns, p99", few.p99, "us"),
        Figure(f"auction at {MANY:,} campaigns, p50", many.p50, "us"),
        Figure.at_most(f"auction at {MANY:,} campaigns, p99", many.p99, "us", 5),
        Figure.beside(f"auction at {MANY:,} campaigns beside {FEW:,}, p99", many.p99, "us", few.p99, 2),
        Figure(f"auction at {MANY:,} campaigns, a change for every 100, p99", changing.p99, "us"),
        Figure(f"auction at {MANY:,} campaigns, p99 with interruptions", many.raw_p99, "us"),
        Figure("fixed work of that length, p99 with interruptions", _interrupted(many.p50), "us"),
        Figure(f"auction for ten ads at {MANY:,} campaigns, p99", _auctions(index, 10).p99, "us"),
        Figure.at_most(f"build the index of {MANY:,} from columns", seconds, "s", 0.5),
        Figure(f"memory of each of {MANY:,} campaigns", each_bytes, "bytes"),
        *_changes(index),
        *_worst(index),
    ]
    del index
    repeated = _auctions(_built(MANY, repeated=True)[0])
    return [*figures, Figure.at_most(f"auction at {MANY:,} campaigns of 4,225 kinds, p99", repeated.p99, "us", 5)]


@dataclass(frozen=True, slots=True)
class _Times:
    """Percentiles in microseconds; `raw_p99` is the median of each round's own."""

    p50: float
    p99: float
    raw_p99: float


def _built(count: int, repeated: bool = False) -> tuple[Index, float, float]:
    """Returns an index, the seconds that it took to build, and bytes per campaign, ids and texts included."""
    before = machine.resident_bytes([os.getpid()])
    made = AdColumns.of(campaigns(count, NOW_US, repeated), NOW_US)
    made.numbers()
    start = time.thread_time()
    index = Index.build(made, NOW_US)
    seconds = time.thread_time() - start
    del made
    gc.collect()
    gc.freeze()
    return index, seconds, (machine.resident_bytes([os.getpid()]) - before) / count


def _auctions(index: Index, ad_count: int = 1, changes: bool = False) -> _Times:
    made, rng = requests(_REQUESTS), Random(8)
    fresh = itertools.cycle(list(campaigns(_REQUESTS // _BETWEEN * _PAGE, NOW_US, seed=9)) if changes else ())
    rounds = []
    for _ in range(_ROUNDS):
        times = []
        for number, request in enumerate(made):
            if number % _BETWEEN == 0:
                index.apply(itertools.islice(fresh, _BETWEEN // 100), NOW_US)
            start = time.perf_counter_ns()
            hold_auction(index, request, NOW_US, ad_count, rng.random)
            times.append((time.perf_counter_ns() - start) / 1_000)
        rounds.append(times)
    each = [machine.median(times) for times in zip(*rounds, strict=True)]
    return _Times(_percentile(each, 50), _percentile(each, 99), machine.median([_percentile(r, 99) for r in rounds]))


def _interrupted(us: float) -> float:
    """Returns the 99th percentile of work that always takes as long: what is above that is the machine."""

    def work(turns: int) -> float:
        start = time.perf_counter_ns()
        for _ in range(turns):
            pass
        return (time.perf_counter_ns() - start) / 1_000

    turns = round(us / (machine.median([work(1_000) for _ in range(100)]) / 1_000))
    return _percentile([work(turns) for _ in range(_REQUESTS)], 99)


def _changes(index: Index) -> list[Figure]:
    """Times a thousand changes of each kind, in pages as the refresher applies them."""
    fresh = list(campaigns(1_000, NOW_US, seed=10))
    kinds = {
        "new": fresh,
        "dry": [replace(one, slot_budget_nanos=0) for one in fresh],
        "open again": fresh,
        "with a new bid": [replace(one, cpc_nanos=one.cpc_nanos + 10_000) for one in fresh],
        "stopped": [replace(one, status=Status.STOPPED) for one in fresh],
    }
    figures, longest_ms = [], 0.0
    for kind, changes in kinds.items():
        pages = [_timed_us(partial(index.apply, changes[at : at + _PAGE], NOW_US)) for at in range(0, 1_000, _PAGE)]
        longest_ms = max(longest_ms, max(pages) / 1_000)
        figures.append(Figure.at_most(f"1,000 campaigns {kind}", sum(pages) / 1_000, "ms", 20))
    return [*figures, Figure.at_most("longest that a page of changes holds a request up", longest_ms, "ms", 5)]


def _worst(index: Index) -> list[Figure]:
    """Times what nothing matches, what only the last campaign matches, and an hour after, when all windows are due."""
    last = replace(next(campaigns(1, NOW_US)), cpc_nanos=0, cpa_nanos=1, targeting=Targeting(country="Atlantis"))
    ask = partial(hold_auction, index, _NOWHERE, NOW_US, 1, Random(8).random)
    nothing = [_timed_us(ask) for _ in range(101)]
    index.apply([last], NOW_US)
    only = [_timed_us(ask) for _ in range(101)]
    due = _timed_us(partial(hold_auction, index, _NOWHERE, NOW_US + 2 * HOUR_US, 1, Random(8).random))
    return [
        Figure("nothing matches, for the first time", nothing[0], "us"),
        Figure.at_most("nothing matches", machine.median(nothing), "us", 500),
        Figure.at_most("only the last campaign matches", machine.median(only), "us", 500),
        Figure("only the last matches, all windows due", due, "us"),
    ]


def _timed_us(call: Callable[[], object]) -> float:
    start = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - start) / 1_000


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]
