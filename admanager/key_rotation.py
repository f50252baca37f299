"""The life of the receipt keys: a new one every day, an old one until its last receipt has expired.

A new key opens receipts as soon as its file is read, and seals from its `active_from`, minutes later: whoever opens
knows it before anyone seals with it. An old one goes when its successor has been sealing for a receipt's life, and an
hour more: for clocks that differ, and for an ad server that was late to read the file.
"""

import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import structlog

from marketplace.clock import US_PER_SECOND, Clock
from marketplace.receipt import ReceiptKey, new_key
from marketplace.runtime.keys import change_keys
from marketplace.runtime.settings import BadSettingError

MARGIN_US: Final = 3_600 * US_PER_SECOND
LEAD_S: Final = 300
_LOOK_S: Final = 30.0

log = structlog.get_logger()


def with_new_key(keys: Sequence[ReceiptKey], active_from_us: int) -> list[ReceiptKey]:
    """Adds a key that seals from an instant on."""
    return [*keys, new_key(active_from_us)]


def without_retired(keys: Sequence[ReceiptKey], now_us: int, life_us: int) -> list[ReceiptKey]:
    """Leaves out the keys that no valid receipt can be sealed with any more. One that may seal always stays."""
    by_age = sorted(keys, key=lambda key: (key.active_from_us, key.key_id))
    last_use_us = {key: successor.active_from_us for key, successor in pairwise(by_age)}
    return [key for key in keys if key not in last_use_us or now_us <= last_use_us[key] + life_us + MARGIN_US]


def rotated(keys: Sequence[ReceiptKey], now_us: int, period_us: int, life_us: int) -> list[ReceiptKey]:
    """Makes of the keys what they are to be now: a new one once the newest is as old as a period, no retired ones."""
    kept = without_retired(keys, now_us, life_us)
    newest_us = max(key.active_from_us for key in kept)
    if now_us < newest_us + period_us - LEAD_S * US_PER_SECOND:
        return kept
    return with_new_key(kept, now_us + LEAD_S * US_PER_SECOND)


class KeyRotation:
    """Rotates a key file by itself. Several at once are harmless: under the file's lock, the second finds it done."""

    def __init__(self, path: Path, clock: Clock, period_us: int, life_us: int) -> None:
        self._path = path
        self._clock = clock
        self._period_us = period_us
        self._life_us = life_us
        self._told = ""

    def run(self, stop: threading.Event) -> None:
        """Looks at the file now and then until `stop` is set. Where there is none, there is nothing to rotate."""
        while not stop.is_set():
            self.rotate()
            stop.wait(_LOOK_S)

    def rotate(self) -> bool:
        """Rotates the keys if it is time; tells whether anything has changed."""
        try:
            changed = change_keys(self._path, lambda keys: rotated(keys, self._clock(), self._period_us, self._life_us))
        except (BadSettingError, OSError) as problem:
            if str(problem) != self._told:
                self._told = str(problem)
                log.warning("receipt keys are not rotated here", problem=self._told)
            return False
        self._told = ""
        if changed:
            log.info("receipt keys rotated")
        return changed
