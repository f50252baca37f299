"""How all campaigns stand: how many do what, what is spent, and which of them need a look."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, case, func, select, true

from marketplace.campaign import Campaign
from marketplace.clock import US_PER_SECOND
from marketplace.runtime.store.rows import campaign_of
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading
from reporting.service.search import Phase, in_phase
from reporting.service.sums import sum_parts, whole

_LISTED: Final = 10
_SOON_US: Final = 86_400 * US_PER_SECOND
_NEARLY: Final = 10  # a tenth of the budget


@dataclass(frozen=True, slots=True)
class Standing:
    """How all campaigns stand at one moment."""

    counts: dict[Phase, int]
    total: int
    spent_nanos: int
    live_leftover_nanos: int
    ending: list[Campaign]
    nearly_spent: list[Campaign]


def read_standing(engine: Engine, account: str | None, now_us: int) -> Standing:
    """Reads how the campaigns of an account stand; None: all. Raises Unavailable."""
    own = true() if account is None else ads.c.account == account
    phases = {phase: in_phase(phase, now_us) for phase in Phase}
    leftover = ads.c.budget_nanos - ads.c.spent_nanos
    live = phases[Phase.LIVE]
    sums = [_count(condition) for condition in phases.values()]
    sums += sum_parts(ads.c.spent_nanos, ads.c.campaign_id.is_not(None)) + sum_parts(leftover, live & (leftover > 0))
    with reading(engine) as connection:
        total, *found = connection.execute(select(func.count(), *sums).where(own)).one()
        counts = {phase: int(count or 0) for phase, count in zip(phases, found[:-4], strict=True)}
        soon = own & live & (ads.c.end_us <= now_us + _SOON_US)
        nearly = own & live & (leftover > 0) & (leftover <= ads.c.budget_nanos // _NEARLY)  # their product may not fit
        return Standing(
            counts=counts,
            total=total,
            spent_nanos=whole(*found[-4:-2]),
            live_leftover_nanos=whole(*found[-2:]),
            ending=_campaigns(connection, soon, ads.c.end_us),
            nearly_spent=_campaigns(connection, nearly, leftover * 1.0 / ads.c.budget_nanos),
        )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _campaigns(connection: Connection, condition: ColumnElement[bool], order: ColumnElement[Any]) -> list[Campaign]:
    statement = select(ads).where(condition).order_by(order, ads.c.campaign_id).limit(_LISTED)
    return [campaign_of(row) for row in connection.execute(statement)]
