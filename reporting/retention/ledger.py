"""Purges ledger rows that nobody needs any more; their number and charges go into their campaign's row.

A row answers the retry of a feedback, while its receipt lives, and sends its event again, until that is archived. Both
over, the sums are enough. Per campaign the rows go in the order of event_seq, always the first ones that are left, each
batch in one transaction with the sums, under the lock of the campaign's row: so reconciliation is exact at any moment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from sqlalchemy import Engine, and_, delete, select, update

from marketplace.clock import US_PER_SECOND
from marketplace.errors import FailedPrecondition
from marketplace.runtime.store.schema import ads, ledger
from marketplace.runtime.store.transactions import reading, retrying, write_transaction
from reporting.reconcile import Archived, Ledgered, findings_of

_MARGIN_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went, of how many campaigns; and the campaigns that do not add up and were left alone, with why."""

    rows: int
    campaigns: int
    left_alone: Mapping[str, str]


def cutoff_us(now_us: int, *, receipt_life_s: int, clock_skew_s: int, deadline_s: int) -> int:
    """Returns the instant before which a charge's receipt has expired on every clock and for every call on its way."""
    return now_us - (receipt_life_s + clock_skew_s + deadline_s + _MARGIN_S) * US_PER_SECOND


def purge_ledger(
    engine: Engine, archived: Mapping[str, Archived], ledgered: Mapping[str, Ledgered], before_us: int, batch_rows: int
) -> Purged:
    """Purges what was charged before an instant and is archived, at most `batch_rows` rows in a transaction.

    Only of campaigns whose archive and ledger agree, as both were read before: of another the rows are evidence. Safe
    to repeat, and to do twice at once. Raises Unavailable.
    """
    rows = campaigns = 0
    left_alone = {}
    for campaign_id in list(_due(engine, before_us)):
        held = archived.get(campaign_id, Archived())
        if finding := next(findings_of(held, ledgered.get(campaign_id, Ledgered())), None):
            left_alone[campaign_id] = finding
            continue
        purged = _purge_campaign(engine, campaign_id, held.last_seq, before_us, batch_rows)
        rows, campaigns = rows + purged, campaigns + (purged > 0)
    return Purged(rows, campaigns, left_alone)


def _due(engine: Engine, before_us: int) -> Iterator[str]:
    """Yields the campaigns whose first row left is old enough."""
    first = and_(ledger.c.campaign_id == ads.c.campaign_id, ledger.c.event_seq == ads.c.purged_seq + 1)
    statement = select(ads.c.campaign_id).join(ledger, first).where(ledger.c.charged_at_us < before_us)
    with reading(engine) as connection:
        yield from connection.execute(statement.order_by(ads.c.campaign_id)).scalars()


def _purge_campaign(engine: Engine, campaign_id: str, last_seq: int, before_us: int, batch_rows: int) -> int:
    total = 0
    while some := retrying(lambda: _purge_some(engine, campaign_id, last_seq, before_us, batch_rows)):
        total += some
    return total


def _purge_some(engine: Engine, campaign_id: str, last_seq: int, before_us: int, limit: int) -> int:
    mine = ledger.c.campaign_id == campaign_id
    with write_transaction(engine) as connection:
        lock = select(ads.c.purged_seq).where(ads.c.campaign_id == campaign_id).with_for_update()
        purged_seq = connection.execute(lock).scalar_one()
        wanted = select(ledger.c.event_seq, ledger.c.charged_nanos, ledger.c.charged_at_us).where(
            mine, ledger.c.event_seq > purged_seq, ledger.c.event_seq <= last_seq
        )
        first = connection.execute(wanted.order_by(ledger.c.event_seq).limit(limit)).all()
        old = list(takewhile(lambda row: row.charged_at_us < before_us, first))
        if not old:
            return 0
        reached = purged_seq + len(old)
        if old[-1].event_seq != reached:
            raise FailedPrecondition(f"campaign {campaign_id}: the ledger lacks an event between those up to {reached}")
        connection.execute(delete(ledger).where(mine, ledger.c.event_seq > purged_seq, ledger.c.event_seq <= reached))
        sums = {
            "purged_seq": reached,
            "purged_nanos": ads.c.purged_nanos + sum(row.charged_nanos for row in old),
        }
        connection.execute(update(ads).where(ads.c.campaign_id == campaign_id).values(sums))
        connection.commit()
        return len(old)
