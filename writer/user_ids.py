"""Users' ids as the archive keeps them: a keyed hash, by which one user's rows are known as such, and nobody as a user.

The key is in a file, readable by its owner only, which every writer of an installation needs to have: with another key
the same user has another hash. Without the key nobody can try out ids; throw it away, and all hashes are forgotten.
"""

import json
import os
import secrets
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

import structlog

from marketplace.runtime.settings import BadSettingError

Conceal = Callable[[str], str]

_KEY_BYTES: Final = 32
_DIGEST_BYTES: Final = 16
_CACHED: Final = 100_000

log = structlog.get_logger()


def plain(user_id: str) -> str:
    """Returns the id as it is."""
    return user_id


def hashed(key: bytes) -> Conceal:
    """Returns what makes of an id its BLAKE2b hash under the key, in hexadecimal; of no id, no id."""

    def conceal(user_id: str) -> str:
        return blake2b(user_id.encode(), key=key, digest_size=_DIGEST_BYTES).hexdigest() if user_id else ""

    return lru_cache(_CACHED)(conceal)


def load_or_create_key(path: Path) -> bytes:
    """Reads the key, and makes one where there is no file yet. Raises BadSettingError, whose text holds none of it."""
    try:
        if not path.exists():
            _create(path)
        key = bytes.fromhex(json.loads(path.read_text())["key"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadSettingError(f"USER_ID_KEY: {path} is not a key file ({type(problem).__name__})") from None
    if len(key) != _KEY_BYTES:
        raise BadSettingError(f"USER_ID_KEY: {path} holds no key of {_KEY_BYTES} bytes")
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"key": secrets.token_hex(_KEY_BYTES)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)  # unlike a rename, never replaces a key that ids are hashed with
        log.warning("made a key for users' ids: every writer needs this file", file=str(path))
    except FileExistsError:
        pass  # another writer was faster: its key counts
    finally:
        aside.unlink()
