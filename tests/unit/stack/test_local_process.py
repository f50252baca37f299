import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stack.local import process
from stack.local.errors import StackError

STUBBORN = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"]


def spawn(folder: Path, *argv: str) -> process.Process:
    return process.spawn(folder / "pid", folder / "log", folder, argv, os.environ)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[process.Process]:
    child = spawn(tmp_path, "sleep", "60")
    yield child
    child.kill()


def test_a_child_is_known_by_its_pid_file_and_leads_a_session_of_its_own(
    tmp_path: Path, sleeper: process.Process
) -> None:
    assert process.read(tmp_path / "pid") == sleeper
    assert sleeper.alive()
    assert os.getsid(sleeper.pid) == sleeper.pid
    assert 0 <= sleeper.age_s() < 30


def test_a_stopped_child_is_gone_and_leaves_no_zombie(sleeper: process.Process) -> None:
    sleeper.stop(grace_s=5)
    assert not sleeper.alive()
    assert not Path(f"/proc/{sleeper.pid}").exists()
    sleeper.stop(grace_s=5)
    sleeper.kill()


@pytest.mark.parametrize("other", [{"start_ticks": 1}, {"boot_id": "another boot"}])
def test_a_process_that_only_has_the_same_pid_is_not_touched(
    sleeper: process.Process, other: dict[str, object]
) -> None:
    predecessor = replace(sleeper, **other)  # type: ignore[arg-type]
    assert not predecessor.alive()
    predecessor.stop(grace_s=5)
    predecessor.kill()
    assert sleeper.alive()


def test_a_child_that_is_deaf_to_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = spawn(tmp_path, *STUBBORN)
    wait_for(lambda: "deaf" in (tmp_path / "log").read_text())
    began = time.monotonic()
    child.stop(grace_s=0.3)
    assert not child.alive()
    assert 0.3 <= time.monotonic() - began < 5


def test_a_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from stack.local import process; p = pathlib.Path(sys.argv[1]);"
        "process.spawn(p / 'pid', p / 'log', p, ['sleep', '60'], os.environ); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30).returncode == -9
    child = process.read(tmp_path / "pid")
    assert child
    assert child.alive()
    child.kill()


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    for word in ("first", "second"):
        child = spawn(tmp_path, "echo", word)
        wait_for(lambda child=child: not child.alive())
    assert (tmp_path / "log").read_text() == "second\n"
    assert (tmp_path / "log.1").read_text() == "first\n"


@pytest.mark.parametrize("content", ["", "boot\n", "boot\nnot a stat line"])
def test_a_pid_file_that_names_no_process_is_no_process(tmp_path: Path, content: str) -> None:
    (tmp_path / "pid").write_text(content)
    assert process.read(tmp_path / "pid") is None
    assert process.read(tmp_path / "absent") is None


def test_a_program_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(StackError, match=r"sh failed \(3\): out \| err"):
        process.run(["sh", "-c", "echo out; echo err >&2; exit 3"], tmp_path, os.environ, 10, lines.append)
    assert lines == ["out\n", "err\n"]


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(StackError, match=r"sleep failed \(-9\)"):
        process.run(["sleep", "60"], tmp_path, os.environ, 0.2)
    assert time.monotonic() - began < 10


def test_a_program_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys; from stack.local import process;"
        "process.run(['sh', '-c', 'echo $$; exec sleep 60'], sys.argv[1], os.environ, 60, sys.stdout.write)"
    )
    argv = [sys.executable, "-u", "-c", code, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        running = Path("/proc") / parent.stdout.readline().strip()
        assert running.exists()
        parent.kill()
    wait_for(lambda: not running.exists() or "Z (zombie)" in (running / "status").read_text())


def wait_for(condition, seconds: float = 10) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
