"""Times the auction in memory: `python bench/bench_auction.py [--campaigns N ...]`.

Campaigns and requests are made with the shares of a real command stream (56 % of campaigns target no city, 9 in 10
bids come several times, ...). Times are of one core, in a process that does nothing else.
"""

import argparse
import gc
import random
import resource
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from adserver.auction import hold_auction
from adserver.index import CHUNK_SIZE, Index
from adserver.request import Request
from marketplace.campaign import ALL, Campaign, Status, Targeting, Window

NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
REQUESTS = 5_000
PASSES = 7
PAGE = 200
CITIES = {
    "Mumbai": ("Maharashtra", 423), "Delhi": ("Delhi", 299), "Bangalore": ("Karnataka", 194),
    "Kolkata": ("West Bengal", 164), "Chennai": ("Tamil Nadu", 133), "Hyderabad": ("Telangana", 106),
    "Ahmedabad": ("Gujrat", 90), "Pune": ("Maharashtra", 82), "Surat": ("Gujrat", 71), "Lucknow": ("Uttar Pradesh", 53),
    "Jaipur": ("Rajasthan", 52), "Nagpur": ("Maharashtra", 48), "Coimbatore": ("Tamil Nadu", 36),
    "Vadodra": ("Gujrat", 35), "Patna": ("Bihar", 35), "Ludhiana": ("Punjab", 31), "Indore": ("Madhya pradesh", 29),
}  # fmt: skip
PLACES = [(ALL, ALL), *((city, state) for city, (state, _) in CITIES.items())]
PLACE_SHARES = [2361, *(share for _, share in CITIES.values())]
AGES = {
    (0, 0): 2404,
    (20, 30): 473,
    (25, 35): 402,
    (20, 40): 297,
    (35, 50): 254,
    (20, 45): 233,
    (50, 60): 132,
    (60, 70): 47,
}
GENDERS = {ALL: 3259, "F": 657, "M": 326}
INCOMES = {ALL: 3544, "M": 479, "H": 181, "L": 38}
DEVICES = {ALL: 3559, "Android Mobile": 354, "Windows Computer": 212, "iPhone": 51, "Linux Computer": 40, "Macbook": 26}
NOWHERE = Request(30, "F", "M", "Mumbai", "Maharashtra", "Atlantis", "iPhone")


def templates(rng: random.Random, count: int) -> list[tuple[Targeting, int, int]]:
    """Makes targetings and bids as a stream of `count` campaigns has them."""

    def pick(shares: dict[object, int]) -> object:
        return rng.choices(list(shares), list(shares.values()))[0]

    made = []
    for _ in range(count):
        (city, state), (start, end) = rng.choices(PLACES, PLACE_SHARES)[0], pick(AGES)
        targeting = Targeting(
            gender=pick(GENDERS), age_start=start, age_end=end, city=city, state=state, country="India",
            income_bucket=pick(INCOMES), device=pick(DEVICES),
        )  # fmt: skip
        made.append((targeting, rng.randint(10, 150) * 10_000, rng.randint(20, 600) * 100_000))
    return made


def campaigns(rng: random.Random, count: int, kinds: int = 4_242) -> Iterator[Campaign]:
    """Makes live campaigns; each is of one of `kinds` kinds, so that a million has the ties of a real stream."""
    choice = templates(rng, kinds)
    for number in range(count):
        targeting, cpc_nanos, cpa_nanos = rng.choice(choice)
        window = Window(NOW_US - rng.randrange(HOUR_US), NOW_US + HOUR_US + rng.randrange(24 * HOUR_US))
        yield Campaign(
            campaign_id=str(uuid.UUID(int=rng.getrandbits(128))), account="default", text=f"{number:>095}",
            category=f"category {number % 40}", keywords="", targeting=targeting, window=window, cpc_nanos=cpc_nanos,
            cpa_nanos=cpa_nanos, budget_nanos=10**12, highest_budget_nanos=10**12, slot_budget_nanos=10**10,
        )  # fmt: skip


def requests(rng: random.Random, count: int) -> list[Request]:
    """Makes requests as users send them; one in twenty keeps its privacy."""
    devices = list(DEVICES)[1:]
    made = []
    for _ in range(count):
        city, state = rng.choices(PLACES[1:], PLACE_SHARES[1:])[0]
        place = {"city": city, "state": state, "country": "India", "device_type": rng.choice(devices)}
        known = {"age": rng.randint(18, 62), "gender": rng.choice("FM"), "income_bucket": rng.choice("LMH")}
        made.append(Request(**place, **({} if rng.random() < 0.05 else known)))
    return made


def timed(calls: Sequence[Callable[[], object]], passes: int = 1) -> list[float]:
    """Returns the time that each call takes, in microseconds, sorted; of several passes the best of each call.

    On a machine that does other things too, the best of a few passes is what the call itself takes.
    """
    best = [float("inf")] * len(calls)
    for _ in range(passes):
        for number, call in enumerate(calls):
            start = time.perf_counter_ns()
            call()
            best[number] = min(best[number], (time.perf_counter_ns() - start) / 1_000)
    return sorted(best)


def show(name: str, times: Sequence[float]) -> None:
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"  {name:<44} p50 {p50:9.2f}  p99 {p99:9.2f}  max {times[-1]:9.2f} us")  # noqa: T201


def measure_auctions(index: Index, rng: random.Random) -> None:
    """Times requests as they come, and the worst that may come."""
    made = requests(rng, REQUESTS)
    for ad_count in (1, 10):
        calls = [partial(hold_auction, index, request, NOW_US, ad_count, rng.random) for request in made]
        show(f"{ad_count} ad(s), first pass", timed(calls))
        show(f"{ad_count} ad(s), best of {PASSES} passes", timed(calls, PASSES))
    worst = [partial(hold_auction, index, NOWHERE, NOW_US, 1, rng.random)] * 20
    show("nothing matches", timed(worst, PASSES))
    last = next(campaigns(rng, 1))
    last = replace(last, cpc_nanos=0, cpa_nanos=1, targeting=replace(Targeting(), country="Atlantis"))
    index.apply([last], NOW_US)
    show("only the last matches", timed(worst, PASSES))


def measure_changes(index: Index, rng: random.Random) -> None:
    """Times pages of changes as the store's feed brings them, and the requests right after."""
    fresh = list(campaigns(rng, 1_000))
    dry = [replace(one, slot_budget_nanos=0) for one in fresh]
    raised = [replace(one, cpc_nanos=one.cpc_nanos + 10_000) for one in fresh]
    stopped = [replace(one, status=Status.STOPPED) for one in fresh]
    worst = [partial(hold_auction, index, NOWHERE, NOW_US, 1, rng.random)]
    for name, changes in (
        ("new", fresh),
        ("dry", dry),
        ("open again", fresh),
        ("new bid", raised),
        ("stopped", stopped),
    ):
        pages = [partial(index.apply, changes[start : start + PAGE], NOW_US) for start in range(0, 1_000, PAGE)]
        times = timed(pages)
        print(f"  1,000 campaigns {name}: {sum(times) / 1_000:.1f} ms, longest page {times[-1]:,.0f} us")  # noqa: T201
        show("nothing matches, right after", timed(worst))
    later = [partial(hold_auction, index, NOWHERE, NOW_US + 2 * HOUR_US, 1, rng.random)]
    show("nothing matches, windows due in all chunks", timed(later))


def measure(count: int, chunk_size: int, kinds: int) -> None:
    """Builds an index and times all there is to time."""
    start = time.perf_counter()
    deque(campaigns(random.Random(7), count, kinds), maxlen=0)
    making = time.perf_counter() - start
    before_kb = resident_kb()
    gc.disable()  # or the collector walks all campaigns again and again
    start = time.perf_counter()
    index = Index.build(campaigns(random.Random(7), count, kinds), NOW_US, chunk_size)
    seconds = time.perf_counter() - start - making
    gc.collect()
    gc.freeze()
    gc.enable()
    per_campaign = (resident_kb() - before_kb) * 1_024 / count
    print(f"{count:,} campaigns: built in {seconds:.1f} s, {per_campaign:.0f} bytes each")  # noqa: T201
    rng = random.Random(8)
    measure_auctions(index, rng)
    measure_changes(index, rng)


def resident_kb() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() // 1_024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--chunk-size", type=int, default=CHUNK_SIZE)
    parser.add_argument("--kinds", type=int, default=4_242)
    arguments = parser.parse_args()
    for count in arguments.campaigns:
        measure(count, arguments.chunk_size, arguments.kinds)


if __name__ == "__main__":
    main()
