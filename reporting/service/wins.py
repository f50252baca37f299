"""Auctions that a campaign has won, from the archive of serve records."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from marketplace.clock import US_PER_SECOND
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from reporting.service.fresh import Fresh
from reporting.service.traffic import MINUTE_US

_FRESH_S: Final = 5.0
_STALE_S: Final = 60.0
_KEPT: Final = 64

_SQL: Final = """
SELECT epoch_us("timestamp") // {minute} AS number, COUNT(*)
FROM served_ads
WHERE campaign_id = '{campaign_id}' AND dt >= '{day}'
GROUP BY number
"""
_LONGEST_US: Final = 14 * 86_400 * US_PER_SECOND


class Wins:
    """Auctions won by campaign and minute; some seconds old at most, and no older than two weeks."""

    def __init__(self, catalog: DuckDbCatalog) -> None:
        """`catalog` is a session of its own."""
        self._catalog = catalog
        self._kept: Fresh[tuple[str, int], Mapping[int, int]] = Fresh(
            self._read, fresh_s=_FRESH_S, stale_s=_STALE_S, capacity=_KEPT
        )

    def by_minute(self, campaign_id: str, since_us: int, now_us: int, timeout_s: float) -> Mapping[int, int]:
        """Returns how many were won, by the number of the minute. Raises Unavailable."""
        day_us = 86_400 * US_PER_SECOND
        since = max(since_us, now_us - _LONGEST_US) // day_us * day_us
        return self._kept.get((campaign_id, since), timeout_s)

    def _read(self, key: tuple[str, int]) -> Mapping[int, int]:
        campaign_id, since_us = key
        day = datetime.fromtimestamp(since_us // US_PER_SECOND, UTC).strftime("%Y-%m-%d")
        quoted = campaign_id.replace("'", "''")
        self._catalog.create_tables()
        rows = self._catalog.query(_SQL.format(minute=MINUTE_US, campaign_id=quoted, day=day)).rows
        return {int(str(number)): int(str(count)) for number, count in rows}
