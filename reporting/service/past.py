"""A campaign's course as the archive holds it: what the ledger's rows told before they were purged."""

from typing import Final

from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from reporting.cells import to_nanos
from reporting.service.course import Course, Step
from reporting.service.fresh import Fresh
from reporting.service.traffic import MINUTE_US

_FRESH_S: Final = 5.0
_STALE_S: Final = 60.0
_KEPT: Final = 16

# A day that was retired counts by the sums per quarter of an hour that are left of it, which hold no bids and prices.
_SQL: Final = """
SELECT
    epoch_us("timestamp") // {minute} AS number,
    SUM(events), MAX(event_seq), MAX(CASE WHEN expenditure > 0 THEN epoch_us("timestamp") ELSE 0 END),
    SUM("view"), SUM(click), SUM(acquisition), SUM(priced),
    SUM(expenditure), SUM(uncharged), SUM(bids), SUM(prices)
FROM (
    SELECT
        "timestamp", 1 AS events, event_seq, "view", click, acquisition, expenditure, uncharged, "view" AS priced,
        CASE WHEN "view" = 1 THEN bid_cpm ELSE 0 END AS bids, CASE WHEN "view" = 1 THEN auction_cpm ELSE 0 END AS prices
    FROM user_feedback
    WHERE campaign_id = '{campaign_id}' AND dt NOT IN (SELECT dt FROM retired WHERE source = 'user_feedback')
    UNION ALL
    SELECT "timestamp", events, event_seq, "view", click, acquisition, expenditure, uncharged, 0, 0, 0
    FROM retired
    WHERE campaign_id = '{campaign_id}' AND source = 'user_feedback'
) held
GROUP BY number
"""


class Past:
    """Courses of campaigns from their first event to the last that is archived; a minute old at most."""

    def __init__(self, catalog: DuckDbCatalog) -> None:
        """`catalog` is a session of its own."""
        self._catalog = catalog
        self._kept: Fresh[str, Course | None] = Fresh(self._read, fresh_s=_FRESH_S, stale_s=_STALE_S, capacity=_KEPT)

    def course(self, campaign_id: str, timeout_s: float) -> Course | None:
        """Returns a course, not to be changed; None where events lack, as while one is retired. Raises Unavailable."""
        return self._kept.get(campaign_id, timeout_s)

    def _read(self, campaign_id: str) -> Course | None:
        quoted = campaign_id.replace("'", "''")
        self._catalog.create_tables()
        rows = self._catalog.query(_SQL.format(minute=MINUTE_US, campaign_id=quoted)).rows
        course, events = Course(), 0
        for row in rows:
            number, held, last_seq, charged_us, views, clicks, acquisitions, priced = map(_whole, row[:8])
            charged, uncharged, bids, prices = map(to_nanos, row[8:])
            events += held
            course.last_seq = max(course.last_seq, last_seq)
            course.last_charged_us = max(course.last_charged_us, charged_us)
            course.minutes[number] = Step(
                start_us=number * MINUTE_US,
                views=views,
                clicks=clicks,
                acquisitions=acquisitions,
                charged_nanos=charged,
                uncharged_nanos=uncharged,
                bids_nanos=bids,
                prices_nanos=prices,
                priced=priced,
            )
        return course if events == course.last_seq else None


def _whole(cell: object) -> int:
    return int(str(cell))
