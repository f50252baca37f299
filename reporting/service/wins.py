"""Auctions that a campaign has won, from the archive of serve records."""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from marketplace.clock import US_PER_SECOND
from marketplace.errors import Overloaded, Unavailable
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from reporting.service.fresh import Fresh
from reporting.service.traffic import MINUTE_US

_DAY_US: Final = 86_400 * US_PER_SECOND
_KEPT: Final = 64

# A day that was retired counts by the sums per quarter of an hour that are left of it.
_SQL: Final = """
SELECT epoch_us("timestamp") // {minute} AS number, SUM(ads)
FROM (
    SELECT "timestamp", 1 AS ads
    FROM served_ads
    WHERE campaign_id = '{campaign_id}' AND dt >= '{first}' AND dt < '{end}'
        AND dt NOT IN (SELECT dt FROM retired WHERE source = 'served_ads')
    UNION ALL
    SELECT "timestamp", events
    FROM retired
    WHERE campaign_id = '{campaign_id}' AND source = 'served_ads' AND dt >= '{first}' AND dt < '{end}'
) won
GROUP BY number
"""


class Won(NamedTuple):
    """Auctions won by the number of the minute; None, or the instant before which they are not counted yet."""

    by_minute: Mapping[int, int]
    since_us: int | None


class Days(NamedTuple):
    """Days of a campaign, [first, end), each by its number since the epoch."""

    campaign_id: str
    first: int
    end: int


class Wins:
    """Auctions won by campaign and minute.

    Yesterday and today are some seconds old at most. Earlier days change no more, unless a writer is far behind: they
    are counted once an hour, and a first count that takes long holds nobody up.
    """

    def __init__(self, catalog: DuckDbCatalog) -> None:
        """`catalog` is a session of its own."""
        self._catalog = catalog
        self._turn = threading.Lock()
        self._recent: Fresh[Days, Mapping[int, int]] = Fresh(self._read, fresh_s=5.0, stale_s=60.0, capacity=_KEPT)
        self._early: Fresh[Days, Mapping[int, int]] = Fresh(
            self._read, fresh_s=3_600.0, stale_s=3 * 3_600.0, capacity=_KEPT
        )

    def by_minute(self, campaign_id: str, since_us: int, now_us: int, timeout_s: float) -> Won:
        """Returns how many were won from an instant's day on. Raises Unavailable."""
        deadline = time.monotonic() + timeout_s
        first, today = max(0, since_us) // _DAY_US, now_us // _DAY_US
        recent_day = max(first, today - 1)
        recent = self._recent.get(Days(campaign_id, recent_day, today + 2), timeout_s)
        if first >= recent_day:
            return Won(recent, None)
        try:
            early = self._early.get(Days(campaign_id, first, recent_day), max(0.0, deadline - time.monotonic()))
        except (Unavailable, Overloaded):
            return Won(recent, recent_day * _DAY_US)
        return Won({**early, **recent}, None)

    def _read(self, days: Days) -> Mapping[int, int]:
        first, end = (datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d") for day in days[1:])
        quoted = days.campaign_id.replace("'", "''")
        with self._turn:
            self._catalog.create_tables()
            sql = _SQL.format(minute=MINUTE_US, campaign_id=quoted, first=first, end=end)
            rows = self._catalog.query(sql).rows
        return {int(str(number)): int(str(count)) for number, count in rows}
