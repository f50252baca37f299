"""How auctions end, from the ad servers' own figures: what nobody won is on no topic."""

import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from prometheus_client.parser import text_string_to_metric_families

_EVERY_S: Final = 2.0
_TIMEOUT_S: Final = 2.0
_SPAN_S: Final = 60.0
_MAX_BYTES: Final = 4 << 20
_FAMILY: Final = "adplatform_auctions"

log = structlog.get_logger()

Outcomes = Mapping[str, int]


class AuctionFigures:
    """Auctions of the last minute by outcome, over all ad servers; read from their metrics endpoints."""

    def __init__(self, addresses: Sequence[str], read: Callable[[str], Outcomes] | None = None) -> None:
        """`read` answers the counters of an address; it raises OSError or ValueError for none."""
        self._addresses = addresses
        self._read = read or read_outcomes
        self._last: dict[str, Outcomes] = {}
        self._added: deque[tuple[float, Counter[str]]] = deque()
        self._known = False

    def run(self, stop: threading.Event) -> None:
        """Reads until `stop` is set."""
        while self._addresses and not stop.is_set():
            self.read_once(time.monotonic())
            stop.wait(_EVERY_S)
        stop.wait()

    def read_once(self, now_s: float) -> None:
        """Reads every endpoint once. A counter that has become smaller began anew."""
        added: Counter[str] = Counter()
        for address in self._addresses:
            try:
                outcomes = self._read(address)
            except (OSError, ValueError) as problem:
                log.debug("an ad server's figures cannot be read", address=address, cause=repr(problem)[:200])
                continue
            before = self._last.get(address)
            self._last[address] = outcomes
            if before is not None:
                added += Counter(
                    {
                        name: count - before.get(name, 0) if count >= before.get(name, 0) else count
                        for name, count in outcomes.items()
                    }
                )
        self._known = bool(self._last)
        self._added.append((now_s, added))
        while self._added[0][0] <= now_s - _SPAN_S:
            self._added.popleft()

    def last_minute(self) -> dict[str, int] | None:
        """Returns auctions by outcome; None where no ad server has answered yet."""
        if not self._known:
            return None
        names = {name for outcomes in self._last.values() for name in outcomes}
        total: Counter[str] = Counter()
        for _, added in list(self._added):
            total += added
        return {name: total[name] for name in sorted(names)}


def read_outcomes(address: str) -> Outcomes:
    """Reads an ad server's counters. Raises OSError or ValueError."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=_TIMEOUT_S) as answer:
        text = answer.read(_MAX_BYTES).decode()
    for family in text_string_to_metric_families(text):
        if family.name == _FAMILY:
            return {
                sample.labels["outcome"]: int(sample.value)
                for sample in family.samples
                if sample.name == f"{_FAMILY}_total"
            }
    raise ValueError(f"{address} has no figures of auctions")
