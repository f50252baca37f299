"""A campaign half of whose events are archived while the others are on the topic, and how topics are mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from campaigns import ACQUISITION, CPA, VIEW, Advertiser
from mesh import START_S, Mesh, allowed_s

from stack.settled import outbox_empty, wait_until

ROUNDS: Final = 3
EVENTS: Final = 2 * ROUNDS


@contextmanager
def half_archived(mesh: Mesh) -> Iterator[Advertiser]:
    """Yields a campaign with archived events, and as many on the topic while neither handler nor writer run."""
    try:
        mesh.start("ad-manager", "feedback-writer", "feedback-handler", "adserver")
        advertiser = Advertiser.create(mesh, budget_nanos=100 * 10**9)
        act(advertiser)
        mesh.settle()
        mesh.stop("feedback-writer")
        act(advertiser)
        mesh.stop("feedback-handler")
        yield advertiser
    finally:
        mesh.close()


def act(mine: Advertiser) -> None:
    """Makes a round of events, and waits until they are on the topic."""
    for _ in range(ROUNDS):
        ad = mine.serve_soon(allowed_s(1.0))
        mine.act(ad, VIEW)
        mine.act(ad, ACQUISITION)
    wait_until("outbox sent", lambda: outbox_empty(mine.mesh.engine), START_S)


def republish(mesh: Mesh) -> None:
    """Has the events sent again that the topic has lost."""
    done = mesh.program("reporting.reconcile_cli", "--republish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"sent {EVENTS} events again" in done.stderr


def everything_lands(mine: Advertiser, rounds: int) -> None:
    """Waits until everything is archived; it must be all that so many rounds have made."""
    mine.mesh.settle()
    found = mine.mesh.reconciled()
    assert (found.archived_nanos, found.in_flight_events) == (rounds * ROUNDS * CPA, 0)
