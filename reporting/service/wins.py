"""Auctions that a campaign has won, from the archive of serve records."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from marketplace.clock import US_PER_SECOND
from marketplace.errors import Overloaded, Unavailable
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from reporting.cells import to_nanos
from reporting.service.fresh import Fresh
from reporting.service.traffic import MINUTE_US

_DAY_US: Final = 86_400 * US_PER_SECOND
_KEPT: Final = 64

# A day that was retired counts by the sums per quarter of an hour that are left of it, which hold no prices.
_SQL: Final = """
SELECT epoch_us("timestamp") // {minute} AS number, SUM(ads), SUM(priced), SUM(price)
FROM (
    SELECT "timestamp", 1 AS ads, 1 AS priced, auction_cpm AS price
    FROM served_ads
    WHERE campaign_id = '{campaign_id}' AND dt >= '{first}' AND dt < '{end}'
        AND dt NOT IN (SELECT dt FROM retired WHERE source = 'served_ads')
    UNION ALL
    SELECT "timestamp", events, 0, 0
    FROM retired
    WHERE campaign_id = '{campaign_id}' AND source = 'served_ads' AND dt >= '{first}' AND dt < '{end}'
) won
GROUP BY number
"""


@dataclass(frozen=True, slots=True)
class Wins:
    """Auctions won, and what the `priced` ones of them cleared at in all, as prices of one impression in nanos."""

    count: int = 0
    priced: int = 0
    prices_nanos: int = 0

    def __add__(self, other: "Wins") -> "Wins":
        """Adds two up."""
        return Wins(self.count + other.count, self.priced + other.priced, self.prices_nanos + other.prices_nanos)

    @property
    def clearing_cpm_nanos(self) -> int:
        """Returns the mean clearing price; 0 without any."""
        return self.prices_nanos // self.priced if self.priced else 0


class Won(NamedTuple):
    """Wins by the number of the minute; None, or the instant before which they are not counted yet."""

    by_minute: Mapping[int, Wins]
    since_us: int | None


class Days(NamedTuple):
    """Days of a campaign, [first, end), each by its number since the epoch."""

    campaign_id: str
    first: int
    end: int


class WinReader:
    """Auctions won by campaign and minute.

    Yesterday and today are some seconds old at most. Earlier days change no more, unless a writer is far behind: they
    are counted once an hour, and a first count that takes long holds nobody up.
    """

    def __init__(self, catalog: DuckDbCatalog) -> None:
        """`catalog` is a session of its own."""
        self._catalog = catalog
        self._turn = threading.Lock()
        self._recent: Fresh[Days, Mapping[int, Wins]] = Fresh(self._read, fresh_s=5.0, stale_s=60.0, capacity=_KEPT)
        self._early: Fresh[Days, Mapping[int, Wins]] = Fresh(
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

    def _read(self, days: Days) -> Mapping[int, Wins]:
        first, end = (datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d") for day in days[1:])
        quoted = days.campaign_id.replace("'", "''")
        with self._turn:
            self._catalog.create_tables()
            sql = _SQL.format(minute=MINUTE_US, campaign_id=quoted, first=first, end=end)
            rows = self._catalog.query(sql).rows
        return {
            int(str(number)): Wins(int(str(count)), int(str(priced)), to_nanos(prices))
            for number, count, priced, prices in rows
        }
