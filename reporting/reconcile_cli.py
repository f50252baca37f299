"""`reconcile`: proves that archive and ledger agree, at any moment, under load."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rich.console import Console
from sqlalchemy import Engine

from marketplace.errors import Unavailable
from marketplace.ports import USER_FEEDBACK, Log
from marketplace.runtime.archive.open import Archive, open_archive
from marketplace.runtime.archive.positions import archive_positions
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.settings import (
    ArchiveSettings,
    BadSettingError,
    CurrencySettings,
    LogSettings,
    StoreSettings,
    fail,
    parse_settings,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.restored import is_pending
from marketplace.runtime.store.transactions import reading
from reporting.archived import read_archive
from reporting.reconcile import Archived, Ledgered, compare
from reporting.republish import republish
from reporting.sources import read_store, read_topic
from reporting.summary import ReconciliationSummary
from reporting.terminal import print_reconciliation

PROGRAM: Final = "reconcile"
_ATTEMPTS: Final = 3


class ReconcileSettings(StoreSettings, LogSettings, ArchiveSettings, CurrencySettings):
    """Compares the archive with the ledger, campaign by campaign; exits with 1 on any difference."""

    republish: bool = False
    """Send events that the topic lost once more, from the ledger."""


def reconcile(engine: Engine, topics: Log, archive: Archive) -> ReconciliationSummary:
    """Compares archive, store and topic. Raises Unavailable."""
    summary = compare_books(engine, topics, archive)
    with reading(engine) as connection:
        if not is_pending(connection):
            return summary
    finding = "the store was restored from a backup and is not complete: `store import-archived` has to follow"
    return replace(summary, ok=False, findings=[finding, *summary.findings])


def compare_books(engine: Engine, topics: Log, archive: Archive) -> ReconciliationSummary:
    """Compares archive, store and topic, whether or not the store is complete. Raises Unavailable."""
    for _ in range(_ATTEMPTS):
        positions = archive_positions(archive.files, USER_FEEDBACK)
        archived = read_archive(archive)
        ledgered, travelling = read_store(engine, archived)
        if not _purged_beyond(archived, ledgered):
            break  # else events were archived, and purged, since the archive was read
    for campaign_id, numbers in read_topic(topics, positions).items():
        travelling.setdefault(campaign_id, set()).update(numbers)
    return compare(archived, ledgered, travelling)


def _purged_beyond(archived: Mapping[str, Archived], ledgered: Mapping[str, Ledgered]) -> bool:
    return any(new.purged_seq > archived.get(name, Archived()).last_seq for name, new in ledgered.items())


def main() -> None:
    """Runs the program."""
    settings = parse_settings(ReconcileSettings, PROGRAM)
    try:
        engine = open_engine(settings.store_url)
        migrate(engine)
        topics = open_topics(settings)
        archive = open_archive(settings.archive_url)
        if settings.republish:
            sent = republish(engine, topics, archive.files, read_archive(archive))
            sys.stderr.write(f"{PROGRAM}: sent {sent:,} events again\n")
        summary = reconcile(engine, topics, archive)
    except (BadSettingError, Unavailable, OSError) as problem:
        fail(PROGRAM, problem)
    print_reconciliation(Console(), summary, settings.currency)
    sys.exit(0 if summary.ok else 1)


if __name__ == "__main__":
    main()
