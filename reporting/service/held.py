"""What the ledger holds of a period, campaign by campaign, as far as a bill reaches and beyond."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, func, or_, select, true

from marketplace.clock import US_PER_SECOND
from marketplace.runtime.store.schema import ads, ledger
from reporting.period import Period
from reporting.reach import Reach
from reporting.sources import snapshot

_CAMPAIGNS_AT_A_TIME: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final = Reach()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the store holds of a campaign, in nanos.

    `charged` is the period's up to the last event that the bill counts, `coming` the period's beyond it, `ever` that of
    all time up to that event, with what was purged. Of events up to `purged_seq` the ledger has only a sum; it is in
    `charged` where the period is all time.
    """

    account: str
    charged_nanos: int
    coming_nanos: int
    ever_nanos: int
    purged_seq: int


@dataclass(frozen=True, slots=True)
class Coming:
    """Charged in a period, and still on its way to the archive."""

    campaign_id: str
    account: str
    charged_nanos: int


def read_coming(engine: Engine, reach: Mapping[str, Reach], period: Period) -> list[Coming]:
    """Returns what the bill cannot count yet; fast, since it reads no other row. Raises Unavailable."""
    with snapshot(engine) as connection:
        rows = {row.campaign_id: row for row in _campaigns(connection)}
        sums = _beyond(connection, rows.values(), reach, period)
        return [Coming(name, rows[name].account, inside) for name, (_, inside) in sums.items() if inside]


def read_held(engine: Engine, reach: Mapping[str, Reach], period: Period) -> dict[str, Held]:
    """Returns what the ledger holds by campaign, as of one moment; reads all of it. Raises Unavailable."""
    always = period.start is None and period.end is None
    with snapshot(engine) as connection:
        rows = list(_campaigns(connection))
        beyond = _beyond(connection, rows, reach, period)
        sums = _sums(connection, true(), period)
    found = {}
    for row in rows:
        (ever, inside), (later, coming) = (part.get(row.campaign_id, (0, 0)) for part in (sums, beyond))
        found[row.campaign_id] = Held(
            account=row.account,
            charged_nanos=inside - coming + (row.purged_nanos if always else 0),
            coming_nanos=coming,
            ever_nanos=ever - later + row.purged_nanos,
            purged_seq=row.purged_seq,
        )
    return found


def _campaigns(connection: Connection) -> Iterator[Any]:
    columns = (ads.c.campaign_id, ads.c.account, ads.c.event_seq, ads.c.purged_seq, ads.c.purged_nanos)
    yield from connection.execute(select(*columns).where(ads.c.event_seq > 0))


def _beyond(
    connection: Connection, rows: Iterable[Any], reach: Mapping[str, Reach], period: Period
) -> dict[str, tuple[int, int]]:
    last = {row.campaign_id: reach.get(row.campaign_id, _NOTHING).event_seq for row in rows}
    names = iter([row.campaign_id for row in rows if row.event_seq > last[row.campaign_id]])
    found: dict[str, tuple[int, int]] = {}
    while some := list(islice(names, _CAMPAIGNS_AT_A_TIME)):
        above = or_(*(and_(ledger.c.campaign_id == name, ledger.c.event_seq > last[name]) for name in some))
        found |= _sums(connection, above, period)
    return found


def _sums(connection: Connection, rows: ColumnElement[bool], period: Period) -> dict[str, tuple[int, int]]:
    """Returns the charges of some rows by campaign: over all time, and in the period."""
    inside = case((_inside(period), ledger.c.charged_nanos), else_=0)
    statement = select(ledger.c.campaign_id, func.sum(ledger.c.charged_nanos), func.sum(inside)).where(rows)
    found = connection.execute(statement.group_by(ledger.c.campaign_id))
    return {name: (int(ever), int(part)) for name, ever, part in found}


def _inside(period: Period) -> ColumnElement[bool]:
    time = ledger.c.charged_at_us
    since = [time >= _micros(period.start)] if period.start else []
    until = [time < _micros(period.end)] if period.end else []
    return and_(true(), *since, *until)


def _micros(instant: datetime) -> int:
    apart = instant - _EPOCH
    return (apart.days * 86_400 + apart.seconds) * US_PER_SECOND + apart.microseconds
