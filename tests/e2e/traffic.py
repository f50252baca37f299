"""Users and callers on a mesh that has campaigns; when they have gone, everything that they were told must be true."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from adplatform.v1 import campaign_manager_pb2 as manager_pb
from load import CLEAR_ENDS, Callers, Load, under_load
from mesh import START_S, Mesh

from simulator.behaviour import Habits

MORE: Final = 60


@dataclass
class Traffic:
    """What is on its way: users who try again, callers who do not."""

    load: Load
    callers: Callers

    def goes_on(self) -> None:
        """Waits until more feedback was acknowledged. Raises NotSettledError."""
        self.load.await_feedback(MORE, START_S)


@contextmanager
def traffic_on(busy: Mesh) -> Iterator[Traffic]:
    """Yields while there is traffic on a mesh; then asserts that nothing acknowledged is lost, and nothing is twice."""
    before = busy.ledger()
    with under_load(busy, habits=Habits(think_s=0.02, duplicates=0.1), seed=len(before) + 1) as load:
        load.await_feedback(MORE, START_S)
        with Callers(busy) as callers:
            yield Traffic(load, callers)
    assert load.stats.failed == 0, load.stats.errors
    assert load.stats.in_flight == 0
    assert callers.ends.keys() <= CLEAR_ENDS, callers.ends
    assert load.acknowledged.contradictions == []
    assert callers.outcomes() == Counter({manager_pb.COMMAND_STATE_APPLIED: len(callers.submitted)})
    # Every feedback was answered in the end, so the ledger holds what was acknowledged and nothing else.
    assert busy.ledger() == before | load.acknowledged.charged_nanos
    busy.settle()
    assert busy.reconciled().in_flight_events == 0
