"""What the archive holds of each campaign: its events, and the summaries of the days that were retired."""

from collections.abc import Sequence
from typing import Final

from marketplace.archive_layout import TABLE_OF_TOPIC, day_of, summaries
from marketplace.errors import Unavailable
from marketplace.ports import USER_FEEDBACK, ArchiveCatalog, ArchiveFiles
from marketplace.runtime.archive.open import Archive
from reporting.cells import to_nanos
from reporting.reconcile import Archived

_ATTEMPTS: Final = 5
_TABLE: Final = TABLE_OF_TOPIC[USER_FEEDBACK]
_EVENTS_SQL: Final = """
SELECT campaign_id, COUNT(event_seq), COUNT(DISTINCT event_seq), MAX(event_seq), SUM(expenditure)
FROM user_feedback {where} GROUP BY campaign_id
"""
_RETIRED_SQL: Final = """
SELECT campaign_id, SUM(events), SUM(events), MAX(event_seq), SUM(expenditure)
FROM retired WHERE source = 'user_feedback' GROUP BY campaign_id
"""


def read_archive(archive: Archive) -> dict[str, Archived]:
    """Returns what the archive holds, by campaign, exact although days are retired meanwhile. Raises Unavailable."""
    archive.catalog.create_tables()
    failed = False
    for _ in range(_ATTEMPTS):
        retired, leftover = before = _retired(archive.files)
        try:
            found = _read(archive.catalog, bool(retired), sorted({day_of(name) for name in leftover}))
        except Unavailable:  # perhaps only over a file that was retired, or (Hive looks at those too) written aside
            if failed and _retired(archive.files) == before:
                raise
            failed = True
            continue
        if _retired(archive.files) == before:
            return found
    raise Unavailable("days of the archive are being retired right now, try again")


def _retired(files: ArchiveFiles) -> tuple[list[str], list[str]]:
    """Returns the days that have a summary, and the files of such days that are still there."""
    retired = summaries(files, _TABLE)
    return sorted(retired), [name for name in files.list(_TABLE) if day_of(name) in retired] if retired else []


def _read(catalog: ArchiveCatalog, retired: bool, without: Sequence[str]) -> dict[str, Archived]:
    days = ", ".join(f"'{day}'" for day in without)
    rows = catalog.query(_EVENTS_SQL.format(where=f"WHERE dt NOT IN ({days})" if days else "")).rows
    if retired:
        rows = [*rows, *catalog.query(_RETIRED_SQL).rows]
    found: dict[str, Archived] = {}
    for campaign_id, events, distinct, last, charged in rows:
        part = Archived(int(str(events)), int(str(distinct)), int(str(last)), to_nanos(charged))
        found[str(campaign_id)] = found.get(str(campaign_id), Archived()) + part
    return found
