"""What a campaign was charged, from the ledger: its newest lines, and its course from the first event on."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, Row, select

from marketplace.campaign import Campaign
from marketplace.runtime.store.rows import campaign_of
from marketplace.runtime.store.schema import ads, ledger
from marketplace.runtime.store.transactions import reading
from reporting.service.course import Course, Event
from reporting.service.sums import sum_parts, whole

_EVENTS_AT_A_TIME: Final = 5_000


class Line(NamedTuple):
    """A line of the ledger; `event` is what the topic and the archive got of it."""

    event_seq: int
    action: int
    price_nanos: int
    charged_nanos: int
    uncharged_nanos: int
    charged_at_us: int
    event: bytes


class Account(NamedTuple):
    """What a campaign's row says of its ledger.

    `purged_seq` is the last event that has left it; at `since_us` the campaign can have won something at the earliest.
    """

    event_seq: int
    spent_nanos: int
    purged_seq: int
    since_us: int


def account(engine: Engine, campaign_id: str) -> Account | None:
    """Returns what a campaign's row says; None where there is no such campaign. Raises Unavailable."""
    row = _row(engine, campaign_id)
    # A store that was made anew has campaigns that are younger than what the archive holds of them.
    return Account(row.event_seq, row.spent_nanos, row.purged_seq, min(row.created_us, row.start_us)) if row else None


def owner(engine: Engine, campaign_id: str) -> str | None:
    """Returns the account of a campaign; None where there is no such campaign. Raises Unavailable."""
    with reading(engine) as connection:
        return connection.execute(select(ads.c.account).filter_by(campaign_id=campaign_id)).scalar_one_or_none()


def campaign(engine: Engine, campaign_id: str) -> Campaign | None:
    """Returns a campaign as it is now; None where there is no such campaign. Raises Unavailable."""
    row = _row(engine, campaign_id)
    return campaign_of(row) if row else None


def total(engine: Engine, account_name: str, campaign_id: str) -> int:
    """Returns what campaigns were charged so far, in nanos; an empty text: all. Raises Unavailable."""
    chosen = {"account": account_name, "campaign_id": campaign_id}
    sums = select(*sum_parts(ads.c.spent_nanos, ads.c.campaign_id.is_not(None)))
    statement = sums.filter_by(**{name: value for name, value in chosen.items() if value})
    with reading(engine) as connection:
        units, rest = tuple(connection.execute(statement).one())
    return whole(units, rest)


def newest_lines(engine: Engine, campaign_id: str, below_seq: int | None, limit: int) -> Sequence[Line]:
    """Returns a campaign's newest lines, those below a number if one is given. Raises Unavailable."""
    columns = [ledger.c[name] for name in Line._fields]
    statement = select(*columns).filter_by(campaign_id=campaign_id).order_by(ledger.c.event_seq.desc()).limit(limit)
    if below_seq is not None:
        statement = statement.where(ledger.c.event_seq < below_seq)
    with reading(engine) as connection:
        return [Line(*row) for row in connection.execute(statement)]


def read_on(
    engine: Engine,
    campaign_id: str,
    course: Course,
    decode: Callable[[bytes], Event],
    budget_s: float,
) -> bool:
    """Adds to a course the events that it lacks. Raises Unavailable.

    False where the time was not enough for all, or where some were purged meanwhile: the archive has those.
    """
    deadline = time.monotonic() + budget_s
    statement = select(ledger.c.event).filter_by(campaign_id=campaign_id).order_by(ledger.c.event_seq)
    while True:
        some = statement.where(ledger.c.event_seq > course.last_seq).limit(_EVENTS_AT_A_TIME)
        with reading(engine) as connection:
            events = [decode(event) for event in connection.execute(some).scalars()]
        if events and events[0].event_seq != course.last_seq + 1:
            return False
        course.add(events)
        if len(events) < _EVENTS_AT_A_TIME:
            return True
        if time.monotonic() > deadline:
            return False


def _row(engine: Engine, campaign_id: str) -> Row[Any] | None:
    with reading(engine) as connection:
        return connection.execute(select(ads).filter_by(campaign_id=campaign_id)).one_or_none()
