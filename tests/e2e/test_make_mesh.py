"""`make mesh`'s program in an empty folder: starts real servers there, runs the platform on them, reconciles."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_make_run import DATA, FIELDS, STREAM, USERS

pytestmark = [pytest.mark.mesh, pytest.mark.timeout(600)]
WITHIN_S = 280


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    done = program(tmp_path, "stack.local", "down")
    assert done.returncode == 0, done.stderr


def program(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", *arguments]
    environment = {**os.environ, **settings}
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )


@pytest.mark.skipif(not STREAM.exists() or not USERS.exists(), reason=f"the real data is not at {DATA}")
def test_on_the_real_stream_and_users(folder: Path) -> None:
    real = {"COMMANDS": str(STREAM.resolve()), "USERS": str(USERS.resolve())}
    done = program(folder, "stack.mesh", DURATION="6s", RATE="100", **real)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Reconciled" in done.stdout
    summary = json.loads((folder / "var/report/summary.json").read_text())
    assert summary.keys() == FIELDS
    assert (summary["commands_applied"], summary["campaigns"], summary["campaigns_live"]) == (7_677, 4_242, 2_110)
    assert summary["difference_nanos"] == summary["overspent_campaigns"] == 0
    assert summary["ledger_nanos"] == summary["archived_nanos"] > 0
    assert summary["serves"] > 0

    told = shlex.split((folder / "var/mesh.env").read_text())
    urls = dict(each.split("=", 1) for each in told if each != "export")
    again = program(folder, "reporting.reconcile_cli", **urls)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Reconciled" in again.stdout
