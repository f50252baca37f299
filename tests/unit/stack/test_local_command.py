import os
import subprocess
import sys
from pathlib import Path

from stack.local import Places, Urls
from stack.local.together import archive_url


def test_places_come_from_the_environment() -> None:
    assert Places.of({"STACK_STATE": "/s", "STACK_CACHE": "/c"}) == Places(Path("/s"), Path("/c"))
    assert Places.of({"XDG_CACHE_HOME": "/x"}) == Places(Path.cwd() / "var/stack", Path("/x/adplatform"))
    assert Places.of({}).cache == Path.home() / ".cache/adplatform"


def test_urls_go_by_the_names_of_the_settings() -> None:
    assert Urls("mysql://s", "kafka://l", "hive://a").environment() == {
        "STORE_URL": "mysql://s",
        "LOG_URL": "kafka://l",
        "ARCHIVE_URL": "hive://a",
    }


def test_the_archive_url_names_the_folder_of_the_files() -> None:
    assert archive_url("hive://h:1/default", Path("/var/archive")) == "hive://h:1/default?files=file:///var/archive"
    assert archive_url("hive://h:1/default", Path("/a b&c")) == "hive://h:1/default?files=file:///a%2520b%2526c"


def test_without_a_stack_each_command_says_so_in_one_line(tmp_path: Path) -> None:
    env = {**os.environ, "STACK_STATE": str(tmp_path / "state"), "STACK_CACHE": str(tmp_path / "cache")}

    def run(command: str, **more: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "stack.local", command]
        done = subprocess.run(argv, capture_output=True, text=True, env={**env, **more}, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("env") == (1, "", "stack: not running: mariadb, kafka, hive; start with `make up`\n")
    assert run("status") == (1, "mariadb: does not run\nkafka: does not run\nhive: does not run\n", "")
    assert run("down") == (0, "", "")
    code, out, err = run("up", PATH=str(tmp_path))
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.count("mvn is missing: install maven") == 1
