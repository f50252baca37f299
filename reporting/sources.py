"""Reads two of the three places that a reconciliation compares: the store and the topic. See `archived` for the third.

In this order, so that an event on its way is seen at least once: the archive's positions, the archive, the store in one
snapshot, the topic from those positions on.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from sqlalchemy import Connection, Engine, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from marketplace.ports import USER_FEEDBACK, Bounds, Log
from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.schema import ads, ledger, outbox
from marketplace.wire import decode_event
from reporting.reconcile import Archived, Ledgered, Pending

_CAMPAIGNS_AT_A_TIME: Final = 200
_CAMPAIGN: Final = (
    ads.c.campaign_id,
    ads.c.event_seq,
    ads.c.spent_nanos,
    ads.c.highest_budget_nanos,
    ads.c.purged_seq,
    ads.c.purged_nanos,
)


def read_store(engine: Engine, archived: Mapping[str, Archived]) -> tuple[dict[str, Ledgered], dict[str, set[int]]]:
    """Returns what the store holds by campaign, and the event numbers in the outbox, as of one moment."""
    with snapshot(engine) as connection:
        totals = _ledger_totals(connection)
        found = {
            row.campaign_id: Ledgered(
                events=totals.get(row.campaign_id, (0, 0))[0] + row.purged_seq,
                charged_nanos=totals.get(row.campaign_id, (0, 0))[1] + row.purged_nanos,
                purged_seq=row.purged_seq,
                event_seq=row.event_seq,
                spent_nanos=row.spent_nanos,
                highest_budget_nanos=row.highest_budget_nanos,
            )
            for row in connection.execute(select(*_CAMPAIGN).where(ads.c.event_seq > 0))
        }
        for name, event in _pending(connection, behind(connection, archived)):
            found[name].pending.append(event)
        return found, _in_outbox(connection)


def read_topic(topics: Log, positions: Mapping[int, int]) -> dict[str, set[int]]:
    """Returns the event numbers on the topic from the archive's positions on, by campaign."""
    found: dict[str, set[int]] = {}
    for partition, bounds in topics.bounds(USER_FEEDBACK).items():
        start = max(bounds.start, min(positions.get(partition, 0), bounds.end))
        for record in topics.read(USER_FEEDBACK, partition, Bounds(start, bounds.end)):
            event = decode_event(record.value)
            found.setdefault(event.serve.winner.campaign_id, set()).add(event.event_seq)
    return found


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Opens a connection all of whose reads see one moment. Raises Unavailable."""
    consistent = (
        engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="REPEATABLE READ")
    )
    try:
        with consistent.connect() as connection:
            yield connection
    except SQLAlchemyError as problem:
        raise unavailable(problem) from problem


def behind(connection: Connection, archived: Mapping[str, Archived]) -> dict[str, int]:
    """Returns the last archived event_seq of each campaign whose events are not all archived."""
    counted = connection.execute(select(ads.c.campaign_id, ads.c.event_seq).where(ads.c.event_seq > 0))
    last = {name: campaign.last_seq for name, campaign in archived.items()}
    return {name: last.get(name, 0) for name, event_seq in counted if event_seq > last.get(name, 0)}


def events_after(connection: Connection, campaign_id: str, last_seq: int) -> Sequence[bytes]:
    """Returns a campaign's encoded events above `last_seq`, in order."""
    statement = select(ledger.c.event).where(ledger.c.campaign_id == campaign_id, ledger.c.event_seq > last_seq)
    return connection.execute(statement.order_by(ledger.c.event_seq)).scalars().all()


def _ledger_totals(connection: Connection) -> dict[str, tuple[int, int]]:
    statement = select(ledger.c.campaign_id, func.count(), func.sum(ledger.c.charged_nanos))
    rows = connection.execute(statement.group_by(ledger.c.campaign_id))
    return {campaign_id: (int(events), int(charged)) for campaign_id, events, charged in rows}


def _pending(connection: Connection, last_seqs: Mapping[str, int]) -> Iterator[tuple[str, Pending]]:
    names = iter(last_seqs)
    while some := list(islice(names, _CAMPAIGNS_AT_A_TIME)):
        above = or_(*(and_(ledger.c.campaign_id == name, ledger.c.event_seq > last_seqs[name]) for name in some))
        statement = select(ledger.c.campaign_id, ledger.c.event_seq, ledger.c.charged_nanos).where(above)
        for name, event_seq, charged in connection.execute(
            statement.order_by(ledger.c.campaign_id, ledger.c.event_seq)
        ):
            yield name, Pending(event_seq, charged)


def _in_outbox(connection: Connection) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    statement = select(outbox.c.campaign_id, outbox.c.event_seq).where(outbox.c.topic == USER_FEEDBACK)
    for name, event_seq in connection.execute(statement):
        found.setdefault(name, set()).add(event_seq)
    return found
