"""The slot manager: fills every active campaign's slot when it begins."""

import sys
import threading
import time
from typing import Final

import structlog
from pydantic import Field

from admanager.census import read_census
from admanager.key_rotation import KeyRotation
from admanager.ports import CommandStore
from admanager.refill import refill_slots
from admanager.slot_metrics import slot_figures
from admanager.store import SqlCommandStore
from marketplace.clock import US_PER_SECOND, Clock, system_clock
from marketplace.errors import Unavailable
from marketplace.metrics import DELAY_SECONDS, Histogram
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.observed import Observed
from marketplace.runtime.probes import Probe
from marketplace.runtime.process import Loop, Process, run_process
from marketplace.runtime.settings import Address, ObservedSettings, ReceiptSettings, SlotSettings, StoreSettings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.ping import ping
from marketplace.runtime.store.restored import refuse_pending
from marketplace.runtime.store.transactions import retrying
from marketplace.slots import SlotGrid

PROGRAM: Final = "slot-manager"
_PAUSE_S: Final = 1.0
_SKEW_US: Final = 5 * US_PER_SECOND

log = structlog.get_logger()


class SlotManagerSettings(StoreSettings, SlotSettings, ReceiptSettings, ObservedSettings, ServerSettings):
    """Fills every active campaign's slot budget at the beginning of each slot, and rotates the receipt keys."""

    listen: Address = "127.0.0.1:50054"
    """Address to listen on, for health checks."""

    refill_batch: int = Field(500, ge=1, le=10_000)
    """At most so many campaigns are filled in one transaction."""

    key_rotation_hours: int = Field(24, ge=0, le=24 * 365)
    """Receipts are sealed with a new key after so long; 0: not by this process."""


class SlotManager:
    """Fills slot after slot. A slot that this process missed is filled when it comes back."""

    def __init__(self, store: CommandStore, grid: SlotGrid, clock: Clock, batch_size: int) -> None:
        self._store = store
        self._grid = grid
        self._clock = clock
        self._batch_size = batch_size
        self._filled_slot_no: int | None = None
        self.campaigns = 0
        self.seconds = Histogram(DELAY_SECONDS)

    @property
    def behind(self) -> int | None:
        """Returns how many slots have begun since the one that was filled last; None before the first."""
        filled = self._filled_slot_no
        return None if filled is None else max(0, self._grid.slot_at(self._clock()) - filled)

    def run(self, stop: threading.Event) -> None:
        """Fills the current slot at once and each later one as it begins, until `stop` is set.

        Each is looked at again some seconds in: an ad manager whose clock is a little behind may have put a campaign
        into the slot before, in which it went dry.
        """
        filled = None
        while not stop.is_set():
            now = self._clock()
            slot_no = self._grid.slot_at(now)
            turn = slot_no, now - self._grid.start_of(slot_no) >= _SKEW_US
            if turn != filled and self._fill(now):
                filled = turn
            until_next_s = (self._grid.start_of(slot_no + 1) - self._clock()) / US_PER_SECOND
            stop.wait(min(max(until_next_s, 0), _PAUSE_S))

    def _fill(self, now_us: int) -> bool:
        started_s = time.monotonic()
        try:
            count = retrying(lambda: refill_slots(self._store, self._grid, now_us, self._batch_size))
        except Unavailable as problem:
            log.warning("cannot fill slots now", cause=repr(problem.__cause__)[:200])
            return False
        self._filled_slot_no = self._grid.slot_at(now_us)
        self.campaigns += count
        self.seconds.observe(time.monotonic() - started_s)
        log.info("slots filled", slot_no=self._filled_slot_no, campaigns=count)
        return True


def build(settings: SlotManagerSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    refuse_pending(engine)
    manager = SlotManager(SqlCommandStore(engine), settings.slot_grid, system_clock, settings.refill_batch)
    observed = Observed(PROGRAM, settings)
    answers = observed.ask(Probe("store", lambda: ping(engine), every_s=1.0, rest=1.0))
    census = observed.ask(Probe("campaigns", lambda: read_census(engine, system_clock()), every_s=5.0), if_watched=True)
    observed.figures += slot_figures(manager, lambda: census.newest)
    loops = [Loop("slots", manager.run)]
    if period_us := settings.key_rotation_hours * 3_600 * US_PER_SECOND:
        rotation = KeyRotation(settings.receipt_keys, system_clock, period_us, settings.receipt_life_us)
        loops.append(Loop("keys", rotation.run))
    return Process(listen=settings.listen, observed=observed, able=lambda: answers.answers, loops=loops)


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, SlotManagerSettings, build))


if __name__ == "__main__":
    main()
