"""Opens receipts; reloads the key ring once for a key that it does not know."""

from collections.abc import Callable

from marketplace.clock import Clock
from marketplace.errors import ReceiptExpired, ReceiptInvalid
from marketplace.receipt import KeyRing, UnknownKey
from marketplace.serve import Terms
from marketplace.wire import decode_terms

_RELOAD_PAUSE_US = 1_000_000


class ReceiptReader:
    """Opens receipts with a ring that can be loaded anew."""

    def __init__(self, load: Callable[[], KeyRing], clock: Clock, life_us: int) -> None:
        self._load = load
        self._clock = clock
        self._life_us = life_us
        self._ring = load()
        self._reloaded_us = clock()

    def read(self, receipt: bytes) -> Terms:
        """Returns the terms of its serve. Raises ReceiptInvalid or ReceiptExpired."""
        try:
            terms = decode_terms(self._open(receipt))
        except ValueError:
            raise ReceiptInvalid from None
        if self._clock() > terms.served_at_us + self._life_us:
            raise ReceiptExpired
        return terms

    def _open(self, receipt: bytes) -> bytes:
        try:
            return self._ring.open(receipt)
        except UnknownKey:
            now = self._clock()
            # Forged key ids must not make us read the file all day. Below 0: the clock was set back.
            if 0 <= now - self._reloaded_us < _RELOAD_PAUSE_US:
                raise
            self._reloaded_us = now
            self._ring = self._load()
            return self._ring.open(receipt)
