"""The program `simulator`: its subcommands end to end, and one clear line for what is wrong."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from toy_mesh import ToyMesh, until

from simulator.__main__ import main
from simulator.settings import parse_duration

CLEAN_ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def simulator(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "simulator", *map(str, arguments)],
        env={**CLEAN_ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def run_beside(mesh: ToyMesh, *arguments: object, interrupt: int = 0) -> tuple[int, str, str]:
    """Runs `simulator run` against the mesh; returns exit code, output and errors."""
    async with mesh.serving() as (_, port):
        address = f"127.0.0.1:{port}"
        flags = ("run", "--ad-server", address, "--feedback-handler", address, *map(str, arguments))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator", *flags,
            env=CLEAN_ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        for _ in range(interrupt):
            enough = len(mesh.feedbacks) + 10
            await until(lambda enough=enough: len(mesh.feedbacks) >= enough)  # type: ignore[misc]
            process.send_signal(signal.SIGINT)
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, output.decode(), errors.decode()


def test_a_run_with_a_seed_repeats_its_requests_and_says_what_came(tmp_path: Path) -> None:
    asked: list[list[bytes]] = []
    results: list[dict[str, Any]] = []
    for file in (tmp_path / "1.json", tmp_path / "2.json"):
        mesh = ToyMesh()
        arguments = ("--rate", 100, "--duration", "2s", "--seed", 9, "--user-count", 500, "--result", file)
        code, output, errors = asyncio.run(run_beside(mesh, *arguments))
        assert (code, errors) == (0, "")
        results.append(json.loads(file.read_text()))
        assert "200 requests in" in output
        assert results[-1]["charged_nanos"] == sum(mesh.ledger.values())
        asked.append(sorted(request.SerializeToString() for request in mesh.requests))
    assert asked[0] == asked[1]
    assert len(asked[0]) == 200
    for result in results:
        assert (result["seed"], result["users"], result["requests"], result["serves"]) == (9, 500, 200, 200)


def test_control_c_stops_asking_and_waits_for_answers(tmp_path: Path) -> None:
    mesh = ToyMesh()
    file = tmp_path / "result.json"
    code, output, _ = asyncio.run(
        run_beside(mesh, "--duration", "1h", "--user-count", 100, "--result", file, interrupt=1)
    )
    result = json.loads(file.read_text())
    assert code == 0
    assert "requests in" in output
    assert result["requests"] == result["serves"] == len(mesh.requests)
    assert (result["failed"], result["abandoned"]) == (0, 0)


def test_a_second_control_c_does_not_wait(tmp_path: Path) -> None:
    mesh = ToyMesh()
    file = tmp_path / "result.json"
    arguments = ("--duration", "1h", "--user-count", 100, "--think-seconds", 60, "--rate", 200, "--result", file)
    mesh.delay_s = 0.05  # so that the first signal leaves visits in flight, whose feedback the second one waits for
    code, output, _ = asyncio.run(run_beside(mesh, *arguments, interrupt=2))
    assert code == 1
    assert json.loads(file.read_text())["abandoned"] > 0
    assert "abandoned" in output


def test_what_fails_makes_the_exit_code() -> None:
    mesh = ToyMesh()
    mesh.ads_verdict = lambda number: Status(code=3) if number == 7 else None
    code, output, _ = asyncio.run(run_beside(mesh, "--duration", "1s", "--user-count", 100))
    assert code == 1
    assert "failed 1 times: INVALID_ARGUMENT" in output


def test_users_are_built_and_loaded(tmp_path: Path) -> None:
    file, store = tmp_path / "users.csv", f"sqlite:///{tmp_path}/store.db"
    built = simulator("users", "build", "--count", 700, "--out", file, "--seed", 3)
    assert (built.returncode, built.stderr) == (0, f"wrote 700 users to {file}\n")
    with file.open("a") as users:
        users.write("one|bad\n")
    loaded = simulator("users", "load", file, STORE_URL=store)
    assert loaded.returncode == 0
    assert loaded.stderr == "skipped 1 rows with more or fewer columns than the header\nloaded 700 users\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "say what to do: run, users build or users load"),
        (("users",), "say what to do: run, users build or users load"),
        (("run", "--duration", "soon"), "'soon' is not a duration such as 60s, 10m or 1h"),
        (("run", "--rate", "0"), "run.rate: Input should be greater than 0"),
        (("run", "--ad-server", "nowhere"), "'nowhere' is not an address"),
        (("run", "--users", "/nowhere.csv"), "/nowhere.csv: cannot be read"),
        (("run", "--connect-seconds", "0.2", "--ad-server", "127.0.0.1:9", "--user-count", "1"),
         "no AdServer is serving at 127.0.0.1:9 (waited 0.2 s)"),
        (("users", "build", "--count", "5"), "out: Field required"),
        (("users", "load", "/nowhere.csv"), "/nowhere.csv: cannot be read"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(
    arguments: tuple[str, ...],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", *arguments])
    with pytest.raises(SystemExit) as ending:
        main()
    assert ending.value.code == 2
    output, errors = capsys.readouterr()
    assert line in errors
    assert (output, len(errors.splitlines())) == ("", 1)


def test_settings_come_from_the_environment_too() -> None:
    done = simulator("run", RATE="0", USERS="somewhere.csv")
    assert done.stderr == "simulator: run.rate: Input should be greater than 0\n"


def test_help_names_every_subcommand() -> None:
    assert {"run", "users"} <= set(simulator("--help").stdout.split())
    text = simulator("run", "--help").stdout
    assert "Requests a second." in text
    assert "--duplicates" in text


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("10m", 600), ("1h", 3_600), ("90", 90), ("0.5s", 0.5)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0s", "-1s", "1d", "1e3", "8760h"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)
