"""`reconcile`: proves that archive and ledger agree, at any moment, under load."""

import sys
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
from reporting.reconcile import compare
from reporting.republish import republish
from reporting.sources import read_archive, read_store, read_topic
from reporting.summary import ReconciliationSummary
from reporting.terminal import print_reconciliation

PROGRAM: Final = "reconcile"


class ReconcileSettings(StoreSettings, LogSettings, ArchiveSettings, CurrencySettings):
    """Compares the archive with the ledger, campaign by campaign; exits with 1 on any difference."""

    republish: bool = False
    """Send events that the topic lost once more, from the ledger."""


def reconcile(engine: Engine, topics: Log, archive: Archive) -> ReconciliationSummary:
    """Compares archive, store and topic. Raises Unavailable."""
    positions = archive_positions(archive.files, USER_FEEDBACK)
    archived = read_archive(archive.catalog)
    ledgered, travelling = read_store(engine, archived)
    for campaign_id, numbers in read_topic(topics, positions).items():
        travelling.setdefault(campaign_id, set()).update(numbers)
    return compare(archived, ledgered, travelling)


def main() -> None:
    """Runs the program."""
    settings = parse_settings(ReconcileSettings, PROGRAM)
    try:
        engine = open_engine(settings.store_url)
        migrate(engine)
        topics = open_topics(settings)
        archive = open_archive(settings.archive_url)
        if settings.republish:
            sent = republish(engine, topics, archive.files, read_archive(archive.catalog))
            sys.stderr.write(f"{PROGRAM}: sent {sent:,} events again\n")
        summary = reconcile(engine, topics, archive)
    except (BadSettingError, Unavailable, OSError) as problem:
        fail(PROGRAM, problem)
    print_reconciliation(Console(), summary, settings.currency)
    sys.exit(0 if summary.ok else 1)


if __name__ == "__main__":
    main()
