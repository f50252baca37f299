"""The receipt keys' file: JSON, readable by its owner only, replaced whole; followed by those who use it."""

import fcntl
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from marketplace.receipt import KeyRing, ReceiptKey, new_key
from marketplace.runtime.settings import BadSettingError

_FOLLOW_S: Final = 1.0
_LOCK_S: Final = 10.0
_LOCK_POLL_S: Final = 0.05

log = structlog.get_logger()


def load_keys(path: Path) -> list[ReceiptKey]:
    """Reads the keys. Raises BadSettingError, whose text holds none of them."""
    try:
        keys = [
            ReceiptKey(bytes.fromhex(key["key_id"]), bytes.fromhex(key["secret"]), int(key["active_from_us"]))
            for key in json.loads(path.read_text())["keys"]
        ]
    except FileNotFoundError:
        raise BadSettingError(f"RECEIPT_KEYS: there is no file {path}; `campaign keys create` makes one") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadSettingError(f"RECEIPT_KEYS: {path} is not a key file ({type(problem).__name__})") from None
    if not keys:
        raise BadSettingError(f"RECEIPT_KEYS: {path} holds no key")
    return keys


def load_ring(path: Path) -> KeyRing:
    """Reads the ring. Raises BadSettingError."""
    return KeyRing(load_keys(path))


class FollowedRing:
    """A ring that is what its file says: for as long as that cannot be read, what it said before."""

    def __init__(self, path: Path) -> None:
        """Reads the file. Raises BadSettingError."""
        self._path = path
        self._stamp = _stamp(path)
        self.ring = load_ring(path)

    def reload(self) -> KeyRing:
        """Reads the file now, and returns the ring."""
        stamp = _stamp(self._path)
        try:
            self.ring.renew(load_keys(self._path))
            self._stamp = stamp
        except BadSettingError as problem:
            log.warning("the receipt keys stay as they were", problem=str(problem))
        return self.ring

    def run(self, stop: threading.Event) -> None:
        """Follows the file, looking at it every second, until `stop` is set."""
        while not stop.wait(_FOLLOW_S):
            if _stamp(self._path) != self._stamp:
                self.reload()
                log.info("receipt keys read again")


def create_ring(path: Path, now_us: int) -> bool:
    """Makes a file with one key, active at once; False where there is a file already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _aside(path, [new_key(now_us)], 0o600) as aside:
        try:
            os.link(aside, path)  # unlike a rename, never replaces a ring that receipts are sealed with
        except FileExistsError:
            return False
    return True


def change_keys(path: Path, change: Callable[[list[ReceiptKey]], Sequence[ReceiptKey]]) -> bool:
    """Puts what `change` makes of the keys in their place; tells whether that is anything else.

    Of several processes that try, one at a time reads, decides and writes. Raises BadSettingError.
    """
    path = path.resolve()
    with _locked(path):
        before = load_keys(path)
        after = change(before)
        if list(after) == before:
            return False
        mode = stat.S_IMODE(path.stat().st_mode)
        with _aside(path, after, mode) as aside:
            os.replace(aside, path)
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    deadline_s = time.monotonic() + _LOCK_S
    try:
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as problem:
        raise BadSettingError(f"RECEIPT_KEYS: cannot write beside {path} ({problem.strerror})") from None
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise BadSettingError(f"RECEIPT_KEYS: another process holds the lock of {path}") from None
                time.sleep(_LOCK_POLL_S)
        yield


@contextmanager
def _aside(path: Path, keys: Sequence[ReceiptKey], mode: int) -> Iterator[Path]:
    """Writes the keys to a file beside the path, durably; it is gone afterwards, under that name."""
    entries = [
        {"key_id": key.key_id.hex(), "secret": key.secret.hex(), "active_from_us": key.active_from_us} for key in keys
    ]
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), mode)
            json.dump({"keys": entries}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
