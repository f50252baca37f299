"""The ad server's store in SQL."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, or_, select

from adserver.ports import Cursor
from marketplace.campaign import Campaign, Status
from marketplace.runtime.store.rows import campaign_of
from marketplace.runtime.store.schema import ads, counters, users
from marketplace.runtime.store.transactions import reading

_ROWS_AT_A_TIME: Final = 5_000
# Above every id, so that the cursor covers all rows of its number.
_LAST_ID: Final = "~"


class SqlCampaignFeed:
    """See `ports.CampaignFeed`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self) -> Cursor:
        return Cursor(_counter(self._engine, "ads"), _LAST_ID)

    def live(self, now_us: int) -> Iterator[Campaign]:
        statement = select(ads).where(ads.c.status == Status.ACTIVE.value, ads.c.end_us > now_us)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement):
                yield campaign_of(row)

    def changes(self, after: Cursor, limit: int) -> list[Campaign]:
        later = or_(ads.c.change_no > after.change_no, ads.c.campaign_id > after.campaign_id)
        statement = (
            select(ads)
            .where(ads.c.change_no >= after.change_no, later)
            .order_by(ads.c.change_no, ads.c.campaign_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [campaign_of(row) for row in connection.execute(statement)]


class SqlProfileSource:
    """See `ports.ProfileSource`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        return _counter(self._engine, "users")

    def profiles(self) -> Iterator[tuple[str, int, str, str]]:
        statement = select(users.c.id, users.c.age, users.c.gender, users.c.income_bucket)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement):
                yield row.id, row.age, row.gender, row.income_bucket


def _counter(engine: Engine, name: str) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(counters.c.value).filter_by(name=name)).scalar_one())
