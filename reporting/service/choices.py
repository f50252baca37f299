"""The values that campaigns have, to choose from in forms and filters."""

from typing import Final, NamedTuple

from sqlalchemy import Engine, func, select, true

from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading

_MOST: Final = 200
_COLUMNS: Final = {
    "categories": ads.c.category,
    "devices": ads.c.target_device,
    "cities": ads.c.target_city,
    "states": ads.c.target_state,
    "countries": ads.c.target_country,
    "accounts": ads.c.account,
}


class Choice(NamedTuple):
    """A value and how many campaigns have it."""

    value: str
    campaigns: int


def read_choices(engine: Engine, account: str | None) -> dict[str, list[Choice]]:
    """Returns the values of each kind, those of most campaigns first; of one account or all. Raises Unavailable."""
    own = true() if account is None else ads.c.account == account
    found = {}
    with reading(engine) as connection:
        for name, column in _COLUMNS.items():
            statement = select(column, func.count().label("campaigns")).where(own).group_by(column)
            rows = connection.execute(statement.order_by(func.count().desc(), column).limit(_MOST))
            found[name] = [Choice(value, campaigns) for value, campaigns in rows]
    return found
