"""The archive's files in a folder of this machine (or one mounted there)."""

import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

_HOST: Final = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())
_RUN: Final = secrets.token_hex(4)  # a container gives every run of a program the same host and pid
_ASIDE: Final = re.compile(r"_aside-(?P<host>[A-Za-z0-9._]+)-(?P<pid>\d+)-(?P<run>[0-9a-f]{8})-\d+-.+")
_numbers = count()


class LocalFiles:
    """Implements `ports.ArchiveFiles` with hard links and renames; what a call has answered survives a power cut.

    A failed call raises OSError and leaves nothing half-written under a published name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, prefix: str) -> list[str]:
        """Returns the published files below a folder, sorted; none if the folder is not there."""
        if not self._root.is_dir():
            raise FileNotFoundError(f"the archive folder {self._root} is not there")
        return sorted(
            (folder / name).relative_to(self._root).as_posix()
            for folder, names in _walk(self._root / prefix)
            for name in names
            if not name.startswith(("_", "."))
        )

    def write_aside(self, name: str, write: Callable[[BinaryIO], object]) -> str:
        """Writes a file beside `name`, under a name that readers ignore and that names this process."""
        path = self._root / name
        aside = path.with_name(f"_aside-{_HOST}-{os.getpid()}-{_RUN}-{next(_numbers)}-{path.name}")
        self._make_folder(aside.parent)
        with aside.open("xb") as sink:
            try:
                write(sink)
                sink.flush()
                os.fsync(sink.fileno())
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
        return aside.relative_to(self._root).as_posix()

    def publish(self, aside: str, name: str) -> bool:
        """Gives a file its final name if that is free; a second name for the same file exists for a moment."""
        path = self._root / name
        try:
            path.hardlink_to(self._root / aside)
        except FileExistsError:
            return False
        _sync_folder(path.parent)
        self.discard(aside)
        return True

    def replace(self, aside: str, name: str) -> None:
        """Gives a file its final name, in place of what was there."""
        path = self._root / name
        (self._root / aside).replace(path)
        _sync_folder(path.parent)

    def discard(self, aside: str) -> None:
        """Removes a file that was written aside."""
        (self._root / aside).unlink(missing_ok=True)

    def open(self, name: str) -> BinaryIO:
        """Opens a published file for reading."""
        return (self._root / name).open("rb")

    def remove(self, name: str) -> None:
        """Removes a published file, and the folders that this leaves empty."""
        path = self._root / name
        with suppress(FileNotFoundError):
            path.unlink()
            _sync_folder(path.parent)
        for folder in path.parents:
            if folder == self._root:
                break
            try:
                folder.rmdir()
            except OSError:  # not empty, or someone else was faster
                break

    def sweep(self, prefix: str, older_than_s: float) -> int:
        """Removes what processes of this machine that are no more have left aside; returns how many."""
        swept = 0
        for folder, names in _walk(self._root / prefix):
            for name in names:
                path = folder / name
                if not _is_leftover(name):
                    continue
                with suppress(FileNotFoundError):  # another process of this machine may be sweeping too
                    if time.time() - path.stat().st_mtime > older_than_s:
                        path.unlink()
                        swept += 1
        return swept

    def _make_folder(self, folder: Path) -> None:
        """Makes a folder below the root and those above it durable; the root itself has to be there."""
        if folder == self._root or folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _is_leftover(name: str) -> bool:
    match = _ASIDE.fullmatch(name)
    if match is None or match["host"] != _HOST:
        return False
    pid = int(match["pid"])
    return match["run"] != _RUN if pid == os.getpid() else not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _walk(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yields folders that readers look into, with their file names; a folder that cannot be read is an error."""

    def fail(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for folder, folders, names in os.walk(top, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        yield Path(folder), names


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
