"""Twice the load that holds: what is taken on is answered as soon as ever, the rest is refused at once.

The load does not wait for answers, and the time of a request begins when it is due (see bench/grpc_load.py). Batches
are made so small here that the store is the handler's limit, and not the cores that it shares with the load; and bounds
so narrow that the time which they allow is like that of a calm hour: by default they allow 200 ms.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from adplatform.v1 import ad_server_pb2
from single_calls import SingleCalls

from bench.feedback_load import make_campaigns, make_requests, put_campaigns
from bench.grpc_load import write_requests
from bench.place import Place, embedded_place

CALM_S: Final = 4
OVERLOAD_S: Final = 30
RECOVERY_S: Final = 2.0
RECOVERED: Final = 0.95  # where only 10 ms may be waited, one slow commit refuses some on a calm day too
ROUNDS: Final = 3  # a busy moment of the machine spoils one, a defect spoils each
STEPS: Final = 10
STEP: Final = 1.25
CALM_MS: Final = 100
SLACK_S: Final = 60
BURST_RATE: Final = 5_000
BURST_S: Final = 8
AT_ONCE_S: Final = 0.2


@dataclass(frozen=True)
class Told:
    """What became of a load: requests sent and taken a second, and how long the taken ones took."""

    rate: float
    taken: float
    p99_ms: float

    @property
    def holds(self) -> bool:
        return self.taken >= 0.99 * self.rate and self.p99_ms <= CALM_MS


@dataclass(frozen=True)
class Target:
    """A method under load, with a rate that surely holds, and where its requests come from."""

    rate: int
    address: str
    method: str
    requests: Callable[[int], Iterator[bytes]]
    folder: Path

    def load(self, rate: int, seconds: int) -> Told:
        file = self.folder / "load"
        write_requests(file, self.requests(rate * seconds))
        command = [sys.executable, "-m", "bench.grpc_load", self.address, self.method, str(file), "--rate", str(rate)]
        unary = not self.method.endswith("StreamFeedback")
        done = subprocess.run(
            [*command, "--connections", "8"] + ["--unary"] * unary,
            stdout=subprocess.PIPE,
            check=True,
            timeout=seconds + SLACK_S,
        )
        told = json.loads(done.stdout)
        return Told(rate, told["answered"] / seconds, told["p99_ms"])


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with embedded_place() as place:
        put_campaigns(place.engine, CAMPAIGNS)
        place.start("adserver", MAX_PENDING="20")
        place.start("feedback-handler", BATCH_SIZE="4", QUEUE_WAIT_MS="10")
        yield place


CAMPAIGNS: Final = make_campaigns(20)
SEEDS: Final = count()


def ads(place: Place) -> Target:
    asked = ad_server_pb2.ServeAdRequest(user_id="anna", state="Maharashtra").SerializeToString()
    address, method = place.addresses["adserver"], "/adplatform.v1.AdServer/ServeAd"
    return Target(1_600, address, method, lambda number: iter([asked] * number), place.folder)


def feedback(place: Place) -> Target:
    address, method = place.addresses["feedback-handler"], "/adplatform.v1.FeedbackHandler/StreamFeedback"
    return Target(
        800, address, method, lambda number: make_requests(CAMPAIGNS, place.ring, number, next(SEEDS)), place.folder
    )


@pytest.fixture(params=[feedback, ads], ids=["StreamFeedback", "ServeAd"])
def target(request: pytest.FixtureRequest, place: Place) -> Target:
    made: Target = request.param(place)
    return made


def test_twice_the_load_that_holds_takes_nothing_from_what_is_taken_on(target: Target) -> None:
    target.load(100, 2)
    spoilt: list[str] = []
    while problem := overload(target):
        spoilt.append(problem)
        assert len(spoilt) < ROUNDS, spoilt


def test_one_call_among_too_many_is_refused_at_once_and_told_when_to_come_again(place: Place) -> None:
    target = feedback(place)
    calls = target.requests(BURST_S * 50)
    with SingleCalls(target.address, calls) as single:
        target.load(BURST_RATE, BURST_S)
    assert not single.others
    assert len(single.refused_s) >= 10, "it was no overload"
    assert single.median_refusal_s <= AT_ONCE_S
    assert min(single.retry_s) > 0
    assert target.load(100, 2).holds


def overload(target: Target) -> str:
    """Offers twice what holds, then less, and returns what was wrong with the answers; nothing where all was well."""
    calm = highest_that_holds(target)
    crowded = target.load(round(calm.rate * 2), OVERLOAD_S)
    time.sleep(RECOVERY_S)
    after = target.load(round(calm.rate * 0.8), CALM_S)
    wrong = {
        "it was no overload": crowded.taken >= 0.99 * crowded.rate,
        "less is taken than on a calm day": crowded.taken < 0.7 * calm.taken,
        "what is taken waits": crowded.p99_ms > 3 * calm.p99_ms,
        "it goes on refusing": after.taken < RECOVERED * after.rate,
        "it goes on being slow": after.p99_ms > 3 * calm.p99_ms,
    }
    found = [problem for problem, is_so in wrong.items() if is_so]
    return f"{found}: {calm}, {crowded}, {after}" if found else ""


def highest_that_holds(target: Target) -> Told:
    """Raises the load step by step until it does not hold, and returns the last that did."""
    held: Told | None = None
    for step in range(STEPS):
        told = target.load(round(target.rate * STEP**step), CALM_S)
        if not told.holds:
            break
        held = told
    assert held, "not even the first rate holds"
    return held
