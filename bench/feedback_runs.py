"""Runs of feedback at a rate: what was answered, how soon, and what it took of the machine."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final

from adplatform.v1 import feedback_handler_pb2 as pb
from sqlalchemy import func, select

from bench.feedback_load import make_requests
from bench.grpc_load import write_requests
from bench.place import Place
from marketplace.campaign import Campaign
from marketplace.runtime.store.schema import ledger, outbox
from marketplace.runtime.store.transactions import reading
from stack.settled import outbox_empty, wait_until

P99_MS: Final = 100.0
BATCH: Final = 10
_SERVICE: Final = "/adplatform.v1.FeedbackHandler/"
_SLACK_S: Final = 60.0
_BACKLOG_S: Final = 2.0  # the relay keeps up if no more than what came in so many seconds is left at the end
_seeds = count()


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a run. `cpu_us` is processor time per feedback, by process; `client` is who sent it."""

    rate: float
    sent: int
    answered: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    left: int
    cpu_us: Mapping[str, float]

    @property
    def held(self) -> bool:
        """Tells whether everything was answered in time, and the relay kept up."""
        return self.answered == self.sent and self.p99_ms <= P99_MS and self.left <= self.rate * _BACKLOG_S


class By(Enum):
    """How feedback travels: the method, and what the load client is told of it."""

    STREAM = "StreamFeedback", ()
    BATCHES = "StreamFeedbackBatches", ("--batch", str(BATCH))
    CALLS = "SubmitFeedback", ("--unary",)


def run_at(place: Place, campaigns: Sequence[Campaign], rate: float, seconds: float, by: By = By.STREAM) -> Run:
    """Sends feedback on these campaigns at a rate and waits until the topic has all of it."""
    requests = make_requests(campaigns, place.ring, int(rate * seconds), next(_seeds))
    file = place.folder / "requests"
    write_requests(file, map(_alone, requests) if by is By.CALLS else requests)
    method, options = by.value
    command = [sys.executable, "-m", "bench.grpc_load", place.addresses["feedback-handler"], _SERVICE + method]
    command += [str(file), "--rate", str(rate), *options]
    before = place.cpu_seconds()
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=seconds + _SLACK_S, check=True, text=True)
    told = json.loads(done.stdout)
    with reading(place.engine) as connection:
        left = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    wait_until("outbox sent", lambda: outbox_empty(place.engine), _SLACK_S)
    cpu_us = {name: (after - before[name]) / told["sent"] * 1e6 for name, after in place.cpu_seconds().items()}
    cpu_us["client"] = told["client_cpu_s"] / told["sent"] * 1e6
    p50_ms, p99_ms, max_ms = told["p50_ms"], told["p99_ms"], told["max_ms"]
    return Run(rate, told["sent"], told["answered"], p50_ms, p99_ms, max_ms, left, cpu_us)


def highest_rate(
    place: Place, campaigns: Sequence[Campaign], rates: Sequence[float], seconds: float, by: By = By.STREAM
) -> tuple[Run | None, list[Run]]:
    """Tries rates from the lowest on until one does not hold; returns the last that did, and all runs."""
    best, runs = None, []
    for rate in rates:
        runs.append(run_at(place, campaigns, rate, seconds, by))
        if not runs[-1].held:
            break
        best = runs[-1]
        time.sleep(1.0)
    return best, runs


def in_ledger(place: Place) -> int:
    """Counts the feedbacks that are charged."""
    with reading(place.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(ledger)).scalar_one())


def _alone(request: bytes) -> bytes:
    """Returns the request of a stream as one of a call."""
    return pb.StreamFeedbackRequest.FromString(request).request.SerializeToString()
