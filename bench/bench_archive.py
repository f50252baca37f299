"""The writer: events a second from Kafka to Parquet, and how soon after its answer an event is readable in Hive."""

import os
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from bench.events import messages
from bench.feedback_load import make_campaigns, put_campaigns
from bench.feedback_runs import run_at
from bench.place import Place, mesh_place
from bench.readable import Probe
from bench.table import Figure
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.archive.positions import archive_positions

EVENTS: Final = 300_000
SECONDS: Final = float(os.environ.get("ARCHIVE_SECONDS", "40"))
RATE: Final = 1_000
_PORTION: Final = 10_000
_POLL_S: Final = 0.02
_LONGEST_S: Final = 120.0
_READABLE_S: Final = 15.0


def run() -> list[Figure]:
    """Measures, in two minutes."""
    return [*_throughput(), *_readable()]


def _throughput() -> Iterator[Figure]:
    with mesh_place() as place:
        publisher = place.topics.publisher()
        made = messages(make_campaigns(2_110), EVENTS)
        while portion := list(islice(made, _PORTION)):
            publisher.publish(USER_FEEDBACK, portion)
        publisher.close()
        place.start("feedback-writer")
        first, first_s = _next_position(place, 0)
        before = place.cpu_seconds()["feedback-writer"]
        last, last_s = first, first_s
        while last < EVENTS:
            last, last_s = _next_position(place, last)
        cpu_s = place.cpu_seconds()["feedback-writer"] - before
    landed = last - first
    yield Figure.at_least("writer, one process, Kafka to Parquet", landed / (last_s - first_s), "events/s", 20_000)
    yield Figure("writer, CPU per event", cpu_s / landed * 1e6, "us")


def _next_position(place: Place, position: int) -> tuple[int, float]:
    """Waits until more is archived; returns how much and when."""
    deadline = time.monotonic() + _LONGEST_S
    while time.monotonic() < deadline:
        reached = archive_positions(place.archive.files, USER_FEEDBACK).get(0, 0)
        if reached > position:
            return reached, time.monotonic()
        time.sleep(_POLL_S)
    raise RuntimeError(f"nothing more is archived than {position:,} events")


def _readable() -> Iterator[Figure]:
    *campaigns, probed = make_campaigns(2_110)
    with mesh_place(hive=True) as place:
        put_campaigns(place.engine, [*campaigns, probed])
        place.start("feedback-handler", "feedback-writer")
        with Probe(place, probed) as probe:
            run_at(place, campaigns, RATE, SECONDS)
        lags_s = probe.lags_s()
    what = f"from the answer until readable in Hive, at {RATE}/s"
    yield Figure.at_most(f"{what}, p99 of {len(lags_s)}", lags_s[len(lags_s) * 99 // 100], "s", _READABLE_S)
    yield Figure(f"{what}, median", lags_s[len(lags_s) // 2], "s")
