import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stack.local import files
from stack.local.errors import StackError


def test_a_folder_is_there_when_it_is_filled_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "jars"
    with files.whole(target) as part:
        (part / "a.jar").write_text("a")
        assert not target.exists()
    assert [found.name for found in tmp_path.iterdir()] == ["jars"]
    assert (target / "a.jar").read_text() == "a"


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with files.whole(tmp_path / "jars") as part:
            (part / "a.jar").write_text("a")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_no_folder_and_is_swept(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from stack.local import files;"
        "target = pathlib.Path(sys.argv[1]) / 'jars'\n"
        "with files.whole(target) as part: (part / 'half.jar').touch(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30)
    (left,) = tmp_path.iterdir()
    assert left.name != "jars"
    with files.whole(tmp_path / "jars") as part:
        (part / "a.jar").touch()
    assert [found.name for found in tmp_path.rglob("*")] == ["jars", "a.jar"]


def test_a_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    for text in ("first", "second"):
        files.replace(tmp_path / "password", text)
    assert (tmp_path / "password").read_text() == "second"
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["password"]


def test_a_lock_has_one_holder_and_a_deadline(tmp_path: Path) -> None:
    with files.locked(tmp_path / "lock", 1), pytest.raises(StackError, match="held"):  # noqa: SIM117
        with files.locked(tmp_path / "lock", 0.1):
            pytest.fail("two holders")
    with files.locked(tmp_path / "lock", 0.1):
        pass


def test_a_lock_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from stack.local import files\n"
        "with files.locked(pathlib.Path(sys.argv[1]), 1): print('held', flush=True); input()"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StackError), files.locked(tmp_path / "lock", 0.1):
            pytest.fail("two holders")
        holder.kill()
    with files.locked(tmp_path / "lock", 5):
        pass
