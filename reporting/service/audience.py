"""Known users by kind, and the campaigns that compete for them, from the store."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, case, func, or_, select

from marketplace.campaign import Targeting
from marketplace.runtime.store.schema import ads, counters, users
from marketplace.runtime.store.transactions import reading
from reporting.service.estimate import Kind, Rivals
from reporting.service.sample import plain
from reporting.service.search import Phase, bid_key_column, in_phase

_KIND: Final = (users.c.age, users.c.gender, users.c.income_bucket, users.c.device_type)


def users_version(engine: Engine) -> int:
    """Returns a number that grows when users were loaded. Raises Unavailable."""
    with reading(engine) as connection:
        return int(connection.execute(select(counters.c.value).filter_by(name="users")).scalar_one())


def count_users(engine: Engine) -> dict[Kind, int]:
    """Counts the users of each kind. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(*_KIND, func.count()).group_by(*_KIND))
        return {Kind(*row[:4]): row[4] for row in rows}


def draw_users(engine: Engine, start: str, count: int) -> list[tuple[str, Kind]]:
    """Reads users in the order of their ids from `start` on, around the end if need be. Raises Unavailable."""
    ordered = select(users.c.id, *_KIND).order_by(users.c.id).limit(count)
    with reading(engine) as connection:
        rows = connection.execute(ordered.where(users.c.id >= start)).all()
        if len(rows) < count:
            rows = [*rows, *connection.execute(ordered.where(users.c.id < start).limit(count - len(rows)))]
    return [(row[0], Kind(*row[1:])) for row in rows]


def count_rivals(engine: Engine, targeting: Targeting, bid: int, own_id: str, now_us: int) -> Rivals:
    """Counts the live campaigns whose targeting has users in common with this one's. Raises Unavailable."""
    live = and_(in_phase(Phase.LIVE, now_us), ads.c.budget_nanos > ads.c.spent_nanos, bid_key_column > 0)
    statement = select(
        func.count(),
        func.sum(case((bid_key_column > bid, 1), else_=0)),
        func.sum(case((bid_key_column == bid, 1), else_=0)),
    ).where(live, ads.c.campaign_id != own_id, *_overlaps(targeting))
    with reading(engine) as connection:
        count, higher, equal = connection.execute(statement).one()
    return Rivals(count, int(higher or 0), int(equal or 0))


def _overlaps(targeting: Targeting) -> list[ColumnElement[bool]]:
    named = {
        ads.c.target_gender: targeting.gender,
        ads.c.target_income_bucket: targeting.income_bucket,
        ads.c.target_city: targeting.city,
        ads.c.target_state: targeting.state,
        ads.c.target_country: targeting.country,
        ads.c.target_device: targeting.device,
    }
    found = [_same(column, value) for column, value in named.items() if plain(value)]
    if not targeting.age_start == targeting.age_end == 0:
        everyone = and_(ads.c.target_age_start == 0, ads.c.target_age_end == 0)
        within = and_(ads.c.target_age_start <= targeting.age_end, ads.c.target_age_end >= targeting.age_start)
        found.append(or_(everyone, within))
    return found


def _same(column: "ColumnElement[Any]", value: str) -> ColumnElement[bool]:
    """Returns the condition that a target is a value, or everyone. SQLite knows the case of ASCII letters alone."""
    name = value.strip()
    ascii_lower = name.encode().lower().decode()
    return func.lower(func.trim(column)).in_(sorted({"", "all", plain(name), name.lower(), ascii_lower}))
