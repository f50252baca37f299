"""Feedback through a running handler, durable before each answer, with relay, Kafka and writer behind it.

On MariaDB (fsync at every commit), then on the embedded store. FEEDBACK_SECONDS (60) is the length of the run at 3,000
a second; the others take a few seconds each.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bench.bare_loop import bare_rate
from bench.feedback_load import make_campaigns, put_campaigns
from bench.feedback_runs import BATCH, P99_MS, By, Run, highest_rate, in_ledger, run_at
from bench.place import Place, embedded_place, mesh_place
from bench.table import Figure
from reporting.reconcile_cli import reconcile
from stack.settled import topics_archived, wait_until

SECONDS: Final = float(os.environ.get("FEEDBACK_SECONDS", "60"))
RATE: Final = 3_000
CAMPAIGNS: Final = 2_110
_STEP_S: Final = 6.0
_LOOP_BATCH: Final = 100
_SETTLED_S: Final = 60.0
_STEPS: Final = [float(rate) for rate in range(RATE + 500, 12_001, 500)]
_BATCH_STEPS: Final = [rate for rate in _STEPS if rate >= 5_000]
_SMALL_STEPS: Final = [500.0, 1_000.0, 1_500.0, 2_000.0, 2_500.0, 3_000.0, 4_000.0]

_said: list[str] = []


def run() -> list[Figure]:
    """Measures all of it, in two and a half minutes and SECONDS."""
    campaigns = make_campaigns(CAMPAIGNS)
    with mesh_place() as place:
        put_campaigns(place.engine, campaigns)
        floor = bare_rate(place.environment["STORE_URL"], campaigns, _LOOP_BATCH, _STEP_S)
        place.start("feedback-handler", "feedback-writer")
        acknowledged = run_at(place, campaigns, 500, 4).answered  # caches and connections are warm after this
        steady = run_at(place, campaigns, RATE, SECONDS)
        single, steps = highest_rate(place, campaigns, _STEPS, _STEP_S)
        batched, batch_steps = highest_rate(place, campaigns, _BATCH_STEPS, _STEP_S, By.BATCHES)
        highest = max((each.rate for each in (steady, single, batched) if each and each.held), default=0.0)
        on_one, one_steps = highest_rate(place, campaigns[:1], _share(highest), _STEP_S, By.BATCHES)
        unary = run_at(place, campaigns, 1_000, _STEP_S, By.CALLS)
        runs = [steady, *steps, *batch_steps, *one_steps, unary]
        acknowledged += sum(each.answered for each in runs)
        figures = [
            *_steady(steady),
            _beside("StreamFeedback, highest rate that holds, p99 at most 100 ms, beside the bare loop", single, floor),
            _half_of(f"the same, {BATCH} feedbacks a message (StreamFeedbackBatches)", batched, floor),
            _half_of("rate that holds on one campaign, beside that", on_one, highest),
            Figure.at_most("p99 of unary SubmitFeedback at 1,000 a second", unary.p99_ms, "ms", P99_MS),
            *_kept(place, acknowledged),
        ]
    _said.extend(_told(each) for each in runs)
    return [*figures, _embedded()]


def notes() -> list[str]:
    """Says what else there is to know."""
    load = "load from bench/grpc_load.py, requests made beforehand; its processor time is apart from the servers'"
    return [load, f"the floor is the bare loop, {_LOOP_BATCH} feedbacks a transaction", *_said]


def _steady(run: Run) -> Iterator[Figure]:
    what = f"at {RATE:,}/s for {SECONDS:.0f} s"
    yield Figure.at_most(f"StreamFeedback {what}, p99", run.p99_ms, "ms", P99_MS)
    yield Figure.at_most(f"StreamFeedback {what}, not answered or refused", run.sent - run.answered, "", 0)
    for name, us in run.cpu_us.items():
        yield Figure(f"CPU per feedback {what}: {name}", us, "us")


def _beside(name: str, best: Run | None, floor: float) -> Figure:
    rate = best.rate if best else 0.0
    return Figure(name, rate, "/s", floor, rate / floor if floor else 0.0)


def _half_of(name: str, best: Run | None, floor: float) -> Figure:
    figure = _beside(name, best, floor)
    return replace(figure, target=0.5, met=figure.ratio is not None and figure.ratio >= 0.5)


def _share(highest: float) -> list[float]:
    return [highest * share for share in (0.5, 0.75, 1.0)] if highest else []


def _kept(place: Place, acknowledged: int) -> Iterator[Figure]:
    """Compares what clients were told with the ledger, and the ledger with the archive."""
    yield Figure.at_most("acknowledged and not in the ledger", abs(acknowledged - in_ledger(place)), "", 0)
    wait_until("archived", lambda: topics_archived(place.topics, place.archive.files), _SETTLED_S)
    found = reconcile(place.engine, place.topics, place.archive)
    lost = acknowledged - found.archived_events + len(found.findings)
    yield Figure.at_most("acknowledged and not in the archive, findings of reconcile", lost, "", 0)


def _embedded() -> Figure:
    campaigns = make_campaigns(CAMPAIGNS)
    with embedded_place() as place:
        put_campaigns(place.engine, campaigns)
        place.start("feedback-handler", "feedback-writer")
        run_at(place, campaigns, 200, 2)
        best, runs = highest_rate(place, campaigns, _SMALL_STEPS, _STEP_S)
    _said.extend(f"embedded: {_told(each)}" for each in runs)
    return Figure("embedded store, highest rate that holds", best.rate if best else 0.0, "/s")


def _told(run: Run) -> str:
    cpu = ", ".join(f"{name} {us:.0f}" for name, us in run.cpu_us.items())
    return (
        f"{run.rate:,.0f}/s: {run.answered:,} of {run.sent:,} answered, p50 {run.p50_ms:.0f} ms, "
        f"p99 {run.p99_ms:.0f} ms, {run.left:,} left in the outbox; CPU us each: {cpu}"
    )
