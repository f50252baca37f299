"""Runs benchmarks: `python -m bench [NAME ...]`, by default all but `soak`; exits with 1 where a target is missed, or a
benchmark fails.

A benchmark is a module `bench_NAME` with a function `run() -> list[Figure]`, and perhaps one `notes() -> list[str]`.
"""

import importlib
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from bench import machine
from bench.table import keep, show

_LONG: Final = "soak"


def main(names: list[str]) -> int:
    """Runs each benchmark by its name, `bench_NAME.run()`, and shows and keeps its figures."""
    missed = 0
    every = (path.stem.removeprefix("bench_") for path in sorted(Path(__file__).parent.glob("bench_*.py")))
    for name in names or [name for name in every if name != _LONG]:
        start = time.monotonic()
        bench = importlib.import_module(f"bench.bench_{name}")
        try:
            figures = bench.run()
        except Exception:  # the others are measured all the same
            traceback.print_exc()
            missed += 1
            continue
        notes = bench.notes() if hasattr(bench, "notes") else []
        show(name, figures, [*notes, machine.describe(), f"took {time.monotonic() - start:.0f} s"])
        keep(figures)
        missed += sum(figure.met is False for figure in figures)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
