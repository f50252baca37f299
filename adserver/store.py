"""The ad server's store in SQL."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, or_, select

from adserver.columns import AdColumns
from adserver.ports import Cursor
from marketplace.campaign import Campaign, Status
from marketplace.runtime.store.rows import campaign_of
from marketplace.runtime.store.schema import ads, counters, users
from marketplace.runtime.store.transactions import reading

_ROWS_AT_A_TIME: Final = 5_000
_NEWEST: Final = "SELECT value FROM counters WHERE name = 'ads'"
# In the order that AdColumns.add takes them.
_COLUMNS: Final = (
    *(ads.c.campaign_id, ads.c.text, ads.c.category),
    *(ads.c.target_gender, ads.c.target_age_start, ads.c.target_age_end, ads.c.target_city, ads.c.target_state),
    *(ads.c.target_country, ads.c.target_income_bucket, ads.c.target_device),
    *(ads.c.cpc_nanos, ads.c.cpa_nanos, ads.c.start_us, ads.c.end_us),
)


class SqlCampaignFeed:
    """See `ports.CampaignFeed`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self) -> Cursor:
        return Cursor.past(_counter(self._engine, "ads"))

    def live(self, now_us: int) -> AdColumns:
        statement = select(*_COLUMNS).where(
            ads.c.status == Status.ACTIVE.value,
            ads.c.end_us > now_us,
            ads.c.slot_budget_nanos > 0,
            ads.c.budget_nanos > ads.c.spent_nanos,
            or_(ads.c.cpc_nanos > 0, ads.c.cpa_nanos > 0),
        )
        columns = AdColumns()
        with reading(self._engine) as connection:
            for page in connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement).partitions():
                ids, texts, categories, *rest = zip(*page, strict=True)
                columns.add(ids, texts, categories, zip(*rest[:8], strict=True), *rest[8:])
        return columns

    def changes(self, after: Cursor, limit: int) -> list[Campaign]:
        later = or_(ads.c.change_no > after.change_no, ads.c.campaign_id > after.campaign_id)
        statement = (
            select(ads)
            .where(ads.c.change_no >= after.change_no, later)
            .order_by(ads.c.change_no, ads.c.campaign_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            # Nearly always nothing has changed; asking for that alone takes a third of the time, ten times a second.
            if after == Cursor.past(connection.exec_driver_sql(_NEWEST).scalar_one()):
                return []
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
            for page in connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement).partitions():
                yield from page


def _counter(engine: Engine, name: str) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(counters.c.value).filter_by(name=name)).scalar_one())
