"""`make run`'s program, as a newcomer starts it."""

import csv
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / ".." / "shared" / "data"
STREAM = DATA / "campaign_stream" / "kafka_ads_output.csv"
USERS = DATA / "advertising" / "advertising.csv"
FIELDS = {
    "commands_applied",
    "commands_repeated",
    "commands_late",
    "commands_rejected",
    "campaigns",
    "campaigns_live",
    "serves",
    "no_ads",
    "feedbacks",
    "repeats",
    "ledger_nanos",
    "archived_nanos",
    "difference_nanos",
    "overspent_campaigns",
    "ads_per_second",
    "serve_p50_ms",
    "serve_p99_ms",
    "seconds_to_first_ad",
}


def run(var: Path, **settings: str) -> dict[str, Any]:
    """Runs the program to its end; returns its figures."""
    environment = {**os.environ, "DURATION": "6s", "RATE": "100", **settings}
    command = [sys.executable, "-m", "stack.run", "--var", str(var)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Reconciled" in done.stdout
    summary: dict[str, Any] = json.loads((var / "report" / "summary.json").read_text())
    assert summary.keys() == FIELDS
    assert summary["difference_nanos"] == summary["overspent_campaigns"] == 0
    assert summary["ledger_nanos"] == summary["archived_nanos"] > 0
    assert summary["serves"] > 0
    return summary


def test_with_nothing_given(tmp_path: Path) -> None:
    summary = run(tmp_path, DURATION="8s", RATE="200")
    assert summary["commands_applied"] == 2_000
    report = tmp_path / "report"
    page = (report / "report.html").read_text()
    assert page.count("<svg") == 6
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
    with (report / "bill.csv").open(newline="") as file:
        charged = sum(Decimal(row["charged"]) for row in csv.DictReader(file))
    assert charged.scaleb(9) == summary["ledger_nanos"]


@pytest.mark.skipif(not STREAM.exists() or not USERS.exists(), reason=f"the real data is not at {DATA}")
def test_on_the_real_stream_and_users_and_again(tmp_path: Path) -> None:
    real = {"COMMANDS": str(STREAM), "USERS": str(USERS)}
    summary = run(tmp_path, **real)
    assert {name: summary[name] for name in summary if name.startswith("c")} == {
        "commands_applied": 7_677,
        "commands_repeated": 0,
        "commands_late": 0,
        "commands_rejected": 0,
        "campaigns": 4_242,
        "campaigns_live": 2_110,
    }
    run(tmp_path, **real)
    assert (tmp_path / "previous" / "report" / "summary.json").exists()
