"""The slot manager: fills every active campaign's slot when it begins."""

import sys
import threading
from typing import Final

import structlog
from pydantic import Field

from admanager.ports import CommandStore
from admanager.refill import refill_slots
from admanager.store import SqlCommandStore
from marketplace.clock import US_PER_SECOND, Clock, system_clock
from marketplace.errors import Unavailable
from marketplace.runtime.process import Loop, Process, run_process
from marketplace.runtime.settings import Address, SlotSettings, StoreSettings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.transactions import retrying
from marketplace.slots import SlotGrid

PROGRAM: Final = "slot-manager"
_PAUSE_S: Final = 1.0
_SKEW_US: Final = 5 * US_PER_SECOND

log = structlog.get_logger()


class SlotManagerSettings(StoreSettings, SlotSettings):
    """Fills every active campaign's slot budget at the beginning of each slot."""

    listen: Address = "127.0.0.1:50054"
    """Address to listen on, for health checks."""

    refill_batch: int = Field(500, ge=1, le=10_000)
    """At most so many campaigns are filled in one transaction."""


class SlotManager:
    """Fills slot after slot. A slot that this process missed is filled when it comes back."""

    def __init__(self, store: CommandStore, grid: SlotGrid, clock: Clock, batch_size: int) -> None:
        self._store = store
        self._grid = grid
        self._clock = clock
        self._batch_size = batch_size

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
        try:
            count = retrying(lambda: refill_slots(self._store, self._grid, now_us, self._batch_size))
        except Unavailable as problem:
            log.warning("cannot fill slots now", cause=repr(problem.__cause__)[:200])
            return False
        log.info("slots filled", slot_no=self._grid.slot_at(now_us), campaigns=count)
        return True


def build(settings: SlotManagerSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    manager = SlotManager(SqlCommandStore(engine), settings.slot_grid, system_clock, settings.refill_batch)
    return Process(listen=settings.listen, loops=[Loop("slots", manager.run)])


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, SlotManagerSettings, build))


if __name__ == "__main__":
    main()
