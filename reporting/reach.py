"""How far a bill reaches into every campaign: up to there the ledger has to say the same."""

from collections.abc import Iterator
from dataclasses import dataclass

from marketplace.ports import ArchiveCatalog
from reporting.cells import to_nanos
from reporting.period import Period
from reporting.queries import load_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a bill counts of a campaign.

    `event_seq` is the last event that it counts, `first_seq` the first of its period (0: none); `charged_nanos` is what
    the events up to `event_seq` were charged over all time.
    """

    event_seq: int = 0
    first_seq: int = 0
    charged_nanos: int = 0


def read_reach(catalog: ArchiveCatalog, period: Period) -> dict[str, Reach]:
    """Reads it, by campaign, from the tables that `queries.create_tables` made in this session for the same period."""
    return dict(_rows(catalog, period))


def _rows(catalog: ArchiveCatalog, period: Period) -> Iterator[tuple[str, Reach]]:
    for campaign_id, event_seq, charged, first in catalog.query(load_sql("reach", period)).rows:
        reach = Reach(event_seq=int(str(event_seq)), first_seq=int(str(first or 0)), charged_nanos=to_nanos(charged))
        yield str(campaign_id), reach
