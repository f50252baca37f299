"""How much waits in the outbox, and for how long; asked in the background."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, and_, func, select

from marketplace.clock import US_PER_SECOND, Clock
from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.store.schema import ledger, outbox
from marketplace.runtime.store.transactions import reading

COUNTED_ROWS: Final = 100_000  # counting more would be a load of its own when the log is away


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows in the outbox, counted up to COUNTED_ROWS, and the age of the oldest feedback event among them."""

    rows: int
    age_s: float


def read_backlog(engine: Engine, clock: Clock) -> Backlog:
    """Reads it. Raises Unavailable."""
    some = select(outbox.c.id).limit(COUNTED_ROWS).subquery()
    oldest = select(outbox.c.campaign_id, outbox.c.event_seq).filter_by(topic=USER_FEEDBACK).order_by(outbox.c.id)
    event = oldest.limit(1).subquery()
    same = and_(ledger.c.campaign_id == event.c.campaign_id, ledger.c.event_seq == event.c.event_seq)
    with reading(engine) as connection:
        rows = connection.execute(select(func.count()).select_from(some)).scalar_one()
        since_us = connection.execute(select(ledger.c.charged_at_us).select_from(ledger).join(event, same)).scalar()
    return Backlog(rows, 0.0 if since_us is None else max(0, clock() - since_us) / US_PER_SECOND)


def read_span(engine: Engine) -> int:
    """Reads how many numbers lie from the outbox's oldest row to its newest: at least its rows, and cheap however many.

    Raises Unavailable.
    """
    with reading(engine) as connection:
        oldest, newest = connection.execute(select(func.min(outbox.c.id), func.max(outbox.c.id))).one()
    return 0 if newest is None else int(newest - oldest + 1)
