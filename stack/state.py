"""The state of an embedded run: each begins with its own, and the one before is kept aside."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAMES: Final = ("store.db*", "log.db*", "archive", "logs", "report")
_ASIDE: Final = "previous"


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
