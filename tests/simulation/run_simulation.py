"""Runs seeds, several at a time, and explains the ones that fail: `make simulation SEEDS=N`, `FIRST=seed SEEDS=1`."""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

import defects_of_campaigns
import defects_of_charging
import defects_of_writing
from defects import DEFECTS, broken
from seams import silence
from simulation import Result, simulate

SEEDS: Final = 20_000
_PORTION: Final = 50
_MOST_FAILURES: Final = 3
_LINES: Final = 40
_IDLE: Final = ("poll", "own shards", "lock file", "read outbox", "read changes", "lock due")

REGISTERED: Final = (defects_of_charging, defects_of_writing, defects_of_campaigns)
"""Importing them registers what they hold."""


@dataclass
class Summary:
    """What came of many seeds; `failures` explains the first that failed."""

    seeds: int = 0
    steps: int = 0
    charges: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Takes in what came of others."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.charges += other.charges
        self.faults += other.faults
        self.failures += other.failures

    def __str__(self) -> str:
        faults = ", ".join(f"{count:,} {kind}" for kind, count in self.faults.most_common())
        return f"{self.seeds:,} seeds, {self.steps:,} steps, {self.charges:,} charges; faults: {faults}"


@contextmanager
def workers() -> Iterator[ProcessPoolExecutor]:
    """Opens one process per core; each stays on its own, where handing the baton around is cheapest."""
    pool = ProcessPoolExecutor(len(_cores()), multiprocessing.get_context("spawn"), _prepare)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def run_seeds(first: int, count: int, defect: str | None = None, progress: bool = False) -> Summary:
    """Runs seeds from `first` on; stops early when a few have failed."""
    total = Summary()
    with workers() as pool:
        starts = range(first, first + count, _PORTION)
        portions: list[Future[Summary]] = [
            pool.submit(_run_portion, start, min(_PORTION, first + count - start), defect) for start in starts
        ]
        for portion in as_completed(portions):
            before = total.seeds
            total.add(portion.result())
            if progress and total.seeds // 1_000 > before // 1_000:
                sys.stdout.write(f"{total.seeds:,} seeds\n")
            if len(total.failures) >= _MOST_FAILURES:
                break
    return total


def first_to_see(defect: str, most: int) -> tuple[int, str] | None:
    """Returns the first seed that fails with the defect, and how; None if none of the first `most` does."""
    with broken(defect):
        for seed in range(most):
            if problem := simulate(seed).problem:
                return seed, problem
    return None


def explain(seed: int, defect: str | None = None) -> str:
    """Returns how a seed fails, how to run it again, the few faults that it takes, and the end of the trace."""
    result = _shrunk(seed)
    faults = ", ".join(f"{number} {kind}" for number, kind in result.struck) or "none"
    again = f"make simulation FIRST={seed} SEEDS=1" + (f" DEFECT='{defect}'" if defect else "")
    trace = "\n".join(f"{at:9.3f} {name:28} {what}" for at, name, what in _told(result.trace)[-_LINES:])
    return f"seed {seed}: {result.problem}\nto run it again: {again}\nit takes these faults: {faults}\n{trace}"


def _run_portion(first: int, count: int, defect: str | None) -> Summary:
    total = Summary()
    with broken(defect) if defect else nullcontext():
        for seed in range(first, first + count):
            result = simulate(seed)
            failures = [explain(seed, defect)] if result.problem else []
            total.add(Summary(1, result.steps, result.charges, Counter(kind for _, kind in result.struck), failures))
            if len(total.failures) >= _MOST_FAILURES:
                break
    return total


def _shrunk(seed: int) -> Result:
    """Takes away fault after fault as long as the seed still fails in the same way."""
    result = simulate(seed)
    spared: frozenset[int] = frozenset()
    left = [number for number, _ in result.struck]
    while left:
        number = left.pop()
        without = simulate(seed, spared | {number})
        if _kind(without) == _kind(result):
            result, spared = without, spared | {number}
            left = [other for other, _ in result.struck if other < number]
    return result


def _kind(result: Result) -> str:
    return result.problem.partition(" ")[0] + result.problem.rpartition(":")[0][:20]


def _told(trace: list[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Leaves out of a trace what found nothing to do."""
    told: list[tuple[float, str, str]] = []
    next_of: dict[str, bool] = {}
    for line in reversed(trace):
        idle = line[2].startswith(_IDLE)
        if not (idle and next_of.get(line[1], True)):
            told.append(line)
        next_of[line[1]] = idle
    return told[::-1]


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _prepare() -> None:
    silence()
    cores = _cores()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cores[multiprocessing.current_process()._identity[0] % len(cores)]})


def main() -> int:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SEEDS") or SEEDS))
    parser.add_argument("--first", type=int, default=int(os.environ.get("FIRST") or 0))
    parser.add_argument("--defect", choices=sorted(DEFECTS), default=os.environ.get("DEFECT") or None)
    options = parser.parse_args()
    summary = run_seeds(options.first, options.seeds, options.defect, progress=True)
    sys.stdout.write("\n\n".join([*summary.failures[:_MOST_FAILURES], str(summary)]) + "\n")
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
