"""Fetches software once into the cache folder, with the ordinary package clients."""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from stack.local import process
from stack.local.errors import StackError
from stack.local.files import locked, whole
from stack.local.tools import java, tool

Say = Callable[[str], None]

_FETCH_S = 1800.0
_PROGRESS_S = 2.0
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def maven(cache: Path, name: str, what: str, pom: Path, say: Say) -> Path:
    """Returns the folder that Maven filled as `pom` says; fetches it if that very pom was not fetched before.

    The pom takes the folder to fill as `${out}`. Jars already fetched by a try that was cut short are used again.
    """
    target = _target(cache, name, pom.read_text())

    def fetch(into: Path) -> None:
        program, runtime = tool("mvn", "maven"), java()
        say(f"{name}: downloads {what} with Maven into {target}")
        jars = target.with_suffix(".jars")
        arguments = ["-B", "-C", "-f", str(pom), f"-Dmaven.repo.local={jars}", f"-Dout={into}", "package"]
        progress = _MavenProgress(name, say)
        process.run([program, *arguments], cache, runtime.environment, _FETCH_S, progress.line)
        shutil.rmtree(jars, ignore_errors=True)
        progress.done()

    return _once(target, fetch)


def debian(cache: Path, name: str, what: str, packages: Sequence[str], say: Say) -> Path:
    """Returns a folder with Debian packages unpacked, not installed; fetches them if they were not fetched before."""
    target = _target(cache, name, " ".join(packages))

    def fetch(into: Path) -> None:
        apt, dpkg = tool("apt-get", "mariadb-server"), tool("dpkg", "mariadb-server")
        say(f"{name}: downloads {what} with apt-get into {target}")
        debs = into / "debs"
        debs.mkdir()
        _apt_download([apt, "download", *packages], debs, lambda line: _apt_progress(name, line, say))
        for deb in sorted(debs.glob("*.deb")):
            process.run([dpkg, "-x", str(deb), str(into)], into, os.environ, _FETCH_S)
        shutil.rmtree(debs)
        say(f"{name}: downloaded")

    return _once(target, fetch)


def _target(cache: Path, name: str, coordinates: str) -> Path:
    return cache / f"{name}-{hashlib.sha256(coordinates.encode()).hexdigest()[:12]}"


def _once(target: Path, fetch: Callable[[Path], None]) -> Path:
    if not target.is_dir():
        with locked(target.with_suffix(".lock"), _FETCH_S):
            if not target.is_dir():
                with whole(target) as part:
                    fetch(part)
    return target


def _apt_download(argv: Sequence[str], folder: Path, each_line: Callable[[str], None]) -> None:
    with suppress(StackError):
        process.run(argv, folder, os.environ, _FETCH_S, each_line)
        return
    if os.geteuid() != 0:
        raise StackError("apt-get cannot download MariaDB: run `sudo apt-get update` once, or install mariadb-server")
    process.run([argv[0], "update"], folder, os.environ, _FETCH_S, each_line)
    process.run(argv, folder, os.environ, _FETCH_S, each_line)


def _apt_progress(name: str, line: str, say: Say) -> None:
    if got := re.match(r"Get:\d+ \S+ (.*)", line):
        say(f"{name}: {got[1]}")


class _MavenProgress:
    """Turns Maven's line per file into a line every few seconds, without addresses."""

    def __init__(self, name: str, say: Say) -> None:
        self._name, self._say = name, say
        self._files, self._bytes, self._next = 0, 0.0, 0.0

    def line(self, line: str) -> None:
        found = re.match(r"(?:\[INFO\] )?Downloaded from .*?/([^/ ]+) \(([\d.]+) (\w+)", line)
        if not found:
            return
        self._files += 1
        self._bytes += float(found[2]) * _UNITS.get(found[3], 0)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PROGRESS_S
            self._say(f"{self._name}: {self._files} files, {self._bytes / 1e6:.1f} MB ({found[1]})")

    def done(self) -> None:
        self._say(f"{self._name}: downloaded, {self._files} files, {self._bytes / 1e6:.1f} MB")
