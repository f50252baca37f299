"""What the processes are told, and the state that embedded ones leave in a folder."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SECURITY: Final = ("CERTS", "AUTH", "RATE_LIMIT")
_NAMES: Final = ("store.db*", "log.db*", "archive", "logs", "report")
_ASIDE: Final = "previous"


def embedded_environment(var: Path, slot_seconds: int) -> dict[str, str]:
    """Returns what the processes are told: outside servers where STORE_URL and so on name them, else files in `var`."""
    var = var.absolute()
    urls = {
        "STORE_URL": f"sqlite:///{var}/store.db",
        "LOG_URL": f"sqlite:///{var}/log.db",
        "ARCHIVE_URL": f"file://{var}/archive",
    }
    own = {
        "RECEIPT_KEYS": f"{var}/receipt-keys.json",
        "USER_ID_KEY": f"{var}/user-id-key.json",
        "SLOT_SECONDS": str(slot_seconds),
        "FILE_SECONDS": "5",
    }
    security = {name: os.environ[name] for name in _SECURITY if os.environ.get(name)}
    return {name: os.environ.get(name, value) for name, value in urls.items()} | own | security


def fresh_embedded_state(var: Path, environment: Mapping[str, str]) -> None:
    """Moves what an embedded run has left in `var` to `var/previous`, in place of what was there.

    Outside servers keep what they hold.
    """
    if not environment["STORE_URL"].startswith("sqlite:"):
        return
    aside = var / _ASIDE
    left = [path for name in _NAMES for path in var.glob(name)]
    if not left:
        return
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for path in left:
        path.rename(aside / path.name)
