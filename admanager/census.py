"""How many campaigns are in which state; asked in the background."""

from typing import Final

from sqlalchemy import Engine, case, func, select

from marketplace.campaign import Status
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading

STATES: Final = ("running", "paused", "scheduled", "ended", "exhausted", "stopped")


def read_census(engine: Engine, now_us: int) -> dict[tuple[str, ...], int]:
    """Counts campaigns by state, all STATES among them. Raises Unavailable.

    Running and paused are open now: paused ones have used up their slot's share and wait for the next slot.
    """
    state = case(
        (ads.c.status == Status.STOPPED.value, "stopped"),
        (ads.c.status == Status.EXHAUSTED.value, "exhausted"),
        (ads.c.end_us <= now_us, "ended"),
        (ads.c.start_us > now_us, "scheduled"),
        (ads.c.slot_budget_nanos == 0, "paused"),
        else_="running",
    ).label("state")
    with reading(engine) as connection:
        rows = connection.execute(select(state, func.count()).group_by(state)).all()
    return {(name,): 0 for name in STATES} | {(row[0],): row[1] for row in rows}
