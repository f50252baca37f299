"""What a campaign was charged, from the ledger: its newest lines, and its course from the first event on."""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Engine, select

from marketplace.campaign import Targeting
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
    """What a campaign's row says of its ledger."""

    event_seq: int
    spent_nanos: int


def account(engine: Engine, campaign_id: str) -> Account | None:
    """Returns what a campaign's row says; None where there is no such campaign. Raises Unavailable."""
    statement = select(ads.c.event_seq, ads.c.spent_nanos).filter_by(campaign_id=campaign_id)
    with reading(engine) as connection:
        row = connection.execute(statement).one_or_none()
    return Account(row.event_seq, row.spent_nanos) if row else None


def owner(engine: Engine, campaign_id: str) -> str | None:
    """Returns the account of a campaign; None where there is no such campaign. Raises Unavailable."""
    with reading(engine) as connection:
        return connection.execute(select(ads.c.account).filter_by(campaign_id=campaign_id)).scalar_one_or_none()


def targeting(engine: Engine, campaign_id: str) -> Targeting | None:
    """Returns whom a campaign targets now; None where there is no such campaign. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(ads).filter_by(campaign_id=campaign_id)).one_or_none()
    return campaign_of(row).targeting if row else None


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
    """Adds to a course the events that it lacks; False where the time was not enough for all. Raises Unavailable."""
    deadline = time.monotonic() + budget_s
    statement = select(ledger.c.event).filter_by(campaign_id=campaign_id).order_by(ledger.c.event_seq)
    while True:
        some = statement.where(ledger.c.event_seq > course.last_seq).limit(_EVENTS_AT_A_TIME)
        with reading(engine) as connection:
            events = connection.execute(some).scalars().all()
        course.add(decode(event) for event in events)
        if len(events) < _EVENTS_AT_A_TIME:
            return True
        if time.monotonic() > deadline:
            return False
