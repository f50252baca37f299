"""The money path under seeded schedules and faults: whatever the order of things, what must hold holds.

`make simulation SEEDS=N` runs more or fewer; a failing seed says how to run it again.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_simulation import SEEDS, run_seeds

_HISTORIES = """
from seams import silence
from simulation import simulate
silence()
for seed in range(20):
    result = simulate(seed)
    print(seed, result.problem, result.charges, result.struck, result.trace)
"""


@pytest.mark.timeout(1_200)
def test_every_seed_holds() -> None:
    summary = run_seeds(0, int(os.environ.get("SEEDS") or SEEDS))
    assert not summary.failures, "\n\n" + "\n\n".join(summary.failures)
    assert summary.charges > summary.seeds


def test_one_seed_is_one_history() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", _HISTORIES],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            timeout=120,
        )
        for hash_seed in ("1", "2")
    ]
    assert len(runs[0].stdout) > 10_000
    assert runs[0].stdout == runs[1].stdout
