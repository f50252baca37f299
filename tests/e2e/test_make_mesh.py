"""`make mesh`'s program in an empty folder: starts real servers there, runs the platform on them, reconciles."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from test_make_run import DATA, FIELDS, STREAM, USERS

pytestmark = [pytest.mark.mesh, pytest.mark.timeout(600)]
WITHIN_S = 280


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    done = program(tmp_path, "stack.local", "down")
    assert done.returncode == 0, done.stderr


def mesh_and_a_visitor(folder: Path, **settings: str) -> tuple[int, str, bool]:
    """Runs `make mesh`'s program; returns its exit code, what it said, and whether somebody could sign in meanwhile."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "stack.mesh"],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ending = threading.Timer(WITHIN_S, process.kill)
    ending.start()
    assert process.stdout
    said, page, signed_in = "", "", False
    for line in process.stdout:
        said += line
        if shown := re.search(r" pages (http://\S+)", line):
            page = shown[1]
        if line.startswith("adp_"):
            signed_in = signs_in(page, line.strip())
    code = process.wait(WITHIN_S)
    ending.cancel()
    return code, said, signed_in


def signs_in(page: str, token: str) -> bool:
    """Tells whether the token opens the console, within the seconds in which servers learn of it."""
    with httpx.Client(base_url=page, timeout=10) as visitor:
        for _ in range(50):
            asked = visitor.get("/signin").text
            form_token = re.search(r'name="form_token" value="([^"]+)"', asked)
            assert form_token, asked
            answer = visitor.post("/signin", data={"form_token": form_token[1], "token": token})
            if answer.status_code == 303:
                return "Overview" in visitor.get("/").text
            time.sleep(0.2)
    return False


def program(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", *arguments]
    environment = {**os.environ, **settings}
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )


@pytest.mark.skipif(not STREAM.exists() or not USERS.exists(), reason=f"the real data is not at {DATA}")
def test_on_the_real_stream_and_users(folder: Path) -> None:
    real = {"COMMANDS": str(STREAM.resolve()), "USERS": str(USERS.resolve())}
    code, said, signed_in = mesh_and_a_visitor(folder, DURATION="6s", RATE="100", **real)
    assert code == 0, said
    assert "Reconciled" in said
    assert signed_in, said
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
