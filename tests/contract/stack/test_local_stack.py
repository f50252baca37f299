"""`up` and `down` of the three servers together, in the order of one story: each test finds what the last one left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pyhive import hive

from stack.local import Hive, Kafka, MariaDB, Places, down, status, up

pytestmark = [pytest.mark.mesh, pytest.mark.timeout(900)]  # the first time on a machine, it downloads

FILES = Path("var/archive")


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    state = Path(tempfile.mkdtemp(prefix="adplatform-"))
    found = Places(state, Places.of().cache)
    yield found
    for kind in (Kafka, MariaDB, Hive):
        kind(found.state, found.cache).kill()
    shutil.rmtree(state)


def pids(places: Places) -> dict[str, int | None]:
    return {name: server.pid if server else None for name, server in status(places).items()}


def processes_of(places: Places) -> list[str]:
    """Returns the command lines that name the stack's state folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(places.state) in line:
            found.append(line)
    return found


def command(places: Places, name: str) -> list[str]:
    return [
        "env",
        f"STACK_STATE={places.state}",
        f"STACK_CACHE={places.cache}",
        sys.executable,
        "-m",
        "stack.local",
        name,
    ]


def test_an_up_that_is_killed_in_the_middle_is_taken_up_by_the_next(places: Places) -> None:
    with subprocess.Popen(command(places, "up"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 600
        while not (places.state / "hive" / "pid").exists():  # its metastore is made, it starts
            assert first.poll() is None, "up ended before Hive was started"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        first.kill()
    started = processes_of(places)
    up(places, FILES)
    assert all(pids(places).values())
    assert sorted(processes_of(places)) == sorted(started)


def test_the_urls_are_printed_for_a_shell_and_hive_answers_there(places: Places) -> None:
    script = (
        f'eval "$({" ".join(command(places, "env"))})" && echo "$STORE_URL" && echo "$LOG_URL" && echo "$ARCHIVE_URL"'
    )
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    urls = up(places, FILES)
    assert done.stdout.splitlines() == [urls.store, urls.log, urls.archive]
    assert [urlsplit(url).scheme for url in done.stdout.split()] == ["mysql", "kafka", "hive"]
    archive = urlsplit(urls.archive)
    assert archive.query == f"files={FILES.absolute().as_uri()}"
    cursor = hive.connect(archive.hostname, archive.port, database=archive.path[1:]).cursor()
    cursor.execute("CREATE TABLE kept (n INT)")
    cursor.execute("SELECT from_unixtime(0)")
    assert cursor.fetchall() == [("1970-01-01 00:00:00",)], "the server does not count in UTC"


@pytest.mark.parametrize("name", ["kafka", "mariadb", "hive"])
def test_after_a_kill_of_one_server_up_starts_that_one(places: Places, name: str) -> None:
    before = pids(places)
    victim = before.pop(name)
    assert victim
    os.kill(victim, signal.SIGKILL)
    urls = up(places, FILES)
    after = pids(places)
    assert after.pop(name) not in (None, victim)
    assert after == before
    assert urls == up(places, FILES)


def test_down_leaves_no_process_and_the_second_start_takes_less_than_20_s(places: Places) -> None:
    before = up(places, FILES)
    down(places)
    assert processes_of(places) == []
    assert set(status(places).values()) == {None}
    began = time.monotonic()
    assert up(places, FILES) == before
    busy = max(
        1.0, os.getloadavg()[0] / (os.cpu_count() or 1)
    )  # with others at work on this machine it takes its share
    assert time.monotonic() - began < 20 * busy
    archive = urlsplit(before.archive)
    cursor = hive.connect(archive.hostname, archive.port).cursor()
    cursor.execute("SHOW TABLES")
    assert cursor.fetchall() == [("kept",)]
