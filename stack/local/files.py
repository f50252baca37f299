"""Folders that are whole or absent, files that only their owner reads, and locks between processes."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.local.errors import StackError


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Gives a folder to fill, which becomes `target` only if the block succeeds.

    So `target` exists only when complete, whenever the process dies. What earlier tries left is removed first; the
    caller holds a lock.
    """
    for stale in target.parent.glob(f".{target.name}.part-*"):
        shutil.rmtree(stale, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        yield part
        os.sync()  # the name must not outlive the content in a power cut
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Gives a file new content in one step; by default only its owner may read it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as aside:
        os.fchmod(aside.fileno(), mode)
        aside.write(text)
        aside.flush()
        os.fsync(aside.fileno())
    os.replace(aside.name, path)


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[None]:
    """Holds an exclusive lock between processes; the kernel frees it when the holder dies.

    Raises StackError if another process still holds it after `wait_s` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StackError(f"another process has held {path} for {wait_s:.0f} s: is it stuck?") from None
                time.sleep(0.1)
        yield
