"""Finds campaigns in the store by text and filters, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select

from marketplace.campaign import Campaign, Status
from marketplace.runtime.store.rows import campaign_of
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading

bid_key_column: Final[ColumnElement[int]] = 15 * ads.c.cpc_nanos + ads.c.cpa_nanos
"""`marketplace.bids.bid_key` in SQL."""


class Phase(StrEnum):
    """What a campaign is doing, as people see it."""

    LIVE = "live"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    EXHAUSTED = "exhausted"
    STOPPED = "stopped"


class Order(StrEnum):
    """What a list is ordered by."""

    CREATION = "creation"
    ID = "id"
    TEXT = "text"
    SPENT = "spent"
    BUDGET = "budget"
    BID = "bid"
    END = "end"
    UPDATE = "update"


_COLUMNS: Final[dict[Order, ColumnElement[Any]]] = {
    Order.CREATION: ads.c.created_us,
    Order.ID: ads.c.campaign_id,
    Order.TEXT: func.lower(ads.c.text),
    Order.SPENT: ads.c.spent_nanos,
    Order.BUDGET: ads.c.budget_nanos,
    Order.BID: bid_key_column,
    Order.END: ads.c.end_us,
    Order.UPDATE: ads.c.updated_us,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which campaigns a list holds; None or an empty text: all."""

    query: str = ""
    phase: Phase | None = None
    category: str = ""
    device: str = ""
    city: str = ""
    account: str = ""


def search(
    engine: Engine, wanted: Wanted, order: Order, descending: bool, skip: int, limit: int, now_us: int
) -> tuple[list[Campaign], int]:
    """Returns a page and how many campaigns there are on all pages. Raises Unavailable.

    Only ids are sorted, and the page's rows are read afterwards: texts are long.
    """
    chosen = conditions(wanted, now_us)
    column = _COLUMNS[order]
    ordered = (column.desc(), ads.c.campaign_id.desc()) if descending else (column, ads.c.campaign_id)
    page = select(ads.c.campaign_id).where(*chosen).order_by(*ordered).limit(limit).offset(skip)
    with reading(engine) as connection:
        total = connection.execute(select(func.count()).select_from(ads).where(*chosen)).scalar_one()
        ids = connection.execute(page).scalars().all()
        rows = connection.execute(select(ads).where(ads.c.campaign_id.in_(ids)))
        found = {row.campaign_id: campaign_of(row) for row in rows}
    return [found[campaign_id] for campaign_id in ids if campaign_id in found], total


def conditions(wanted: Wanted, now_us: int) -> Sequence[ColumnElement[bool]]:
    """Returns what a campaign must fulfil."""
    chosen: list[ColumnElement[bool]] = [
        or_(
            ads.c.text.contains(word, autoescape=True),
            ads.c.keywords.contains(word, autoescape=True),
            ads.c.campaign_id.startswith(word, autoescape=True),
        )
        for word in wanted.query.split()
    ]
    if wanted.phase:
        chosen.append(in_phase(wanted.phase, now_us))
    named = {
        ads.c.category: wanted.category,
        ads.c.target_device: wanted.device,
        ads.c.target_city: wanted.city,
        ads.c.account: wanted.account,
    }
    return [*chosen, *(column == value for column, value in named.items() if value)]


def in_phase(phase: Phase, now_us: int) -> ColumnElement[bool]:
    """Returns the condition of a phase."""
    active = ads.c.status == Status.ACTIVE.value
    match phase:
        case Phase.LIVE:
            return and_(active, ads.c.start_us <= now_us, ads.c.end_us > now_us)
        case Phase.SCHEDULED:
            return and_(active, ads.c.start_us > now_us)
        case Phase.ENDED:
            return and_(active, ads.c.end_us <= now_us)
        case Phase.EXHAUSTED:
            return ads.c.status == Status.EXHAUSTED.value
        case Phase.STOPPED:
            return ads.c.status == Status.STOPPED.value
