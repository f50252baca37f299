"""`retention`: purges old ledger rows, and retires old days of the archive. For cron."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import Field
from pydantic_settings import CliApp, CliSubCommand
from sqlalchemy import Engine

from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.errors import PlatformError
from marketplace.ports import SERVED_ADS, USER_FEEDBACK
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.settings import (
    ArchiveSettings,
    BadSettingError,
    Commands,
    LogSettings,
    StoreSettings,
    fail,
    parse_settings,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.restored import refuse_pending
from reporting.archived import read_archive
from reporting.reconcile_cli import reconcile
from reporting.retention.days import RetiredDay, retire_days
from reporting.retention.ledger import cutoff_us, purge_ledger
from reporting.sources import read_store

PROGRAM: Final = "retention"
_SHOWN: Final = 10
_LEFTOVER_AGE_S: Final = 600.0


class LedgerSettings(StoreSettings, ArchiveSettings):
    """Purges ledger rows that are archived and whose receipts have expired; their sums stay with their campaigns.

    Exits with 1 if it left campaigns alone because their ledger and archive differ.
    """

    receipt_life_hours: int = Field(24, ge=1, le=24 * 30)
    """As the feedback handlers have it."""

    clock_skew_seconds: int = Field(300, ge=0, le=86_400)
    """By how much clocks of the installation may differ."""

    deadline_seconds: int = Field(600, ge=0, le=86_400)
    """Longest deadline of a call."""

    batch_rows: int = Field(500, ge=1, le=10_000)
    """At most so many rows are purged in one transaction."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine = _store(self)
        before_us = cutoff_us(
            system_clock(),
            receipt_life_s=self.receipt_life_hours * 3_600,
            clock_skew_s=self.clock_skew_seconds,
            deadline_s=self.deadline_seconds,
        )
        archived = read_archive(open_archive(self.archive_url))
        ledgered, _ = read_store(engine, archived)
        purged = purge_ledger(engine, archived, ledgered, before_us, self.batch_rows)
        before = f"{datetime.fromtimestamp(before_us // US_PER_SECOND, UTC):%Y-%m-%d %H:%M} UTC"
        sys.stdout.write(f"{purged.rows:,} rows of {purged.campaigns:,} campaigns purged, charged before {before}\n")
        for campaign_id, finding in list(purged.left_alone.items())[:_SHOWN]:
            sys.stderr.write(f"{PROGRAM}: campaign {campaign_id} left alone: {finding}\n")
        if purged.left_alone:
            sys.stderr.write(f"{PROGRAM}: {len(purged.left_alone):,} campaigns left alone\n")
            sys.exit(1)


class DaysSettings(StoreSettings, LogSettings, ArchiveSettings):
    """Removes the archive's files of old days; sums per campaign and quarter of an hour stay in table `retired`.

    Exits with 1, and retires nothing, if ledger and archive differ.
    """

    days: int = Field(ge=1, le=36_500)
    """Retire days that ended longer ago than so many days."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine, topics, archive = _store(self), open_topics(self), open_archive(self.archive_url)
        if findings := reconcile(engine, topics, archive).findings:
            sys.stderr.write(f"{PROGRAM}: ledger and archive differ, nothing is retired: {findings[0]}\n")
            sys.exit(1)
        before = (datetime.now(UTC) - timedelta(days=self.days)).date()
        done: list[RetiredDay] = []
        for topic in (USER_FEEDBACK, SERVED_ADS):
            archive.files.sweep("retired", _LEFTOVER_AGE_S)
            done += retire_days(archive, topics, topic, before)
        removed = sum(day.removed for day in done)
        days = len({day.date for day in done if day.removed})
        sys.stdout.write(f"{days:,} days retired, {removed:,} files removed, before {before}\n")
        if strays := [day for day in done if day.strays]:
            for day in strays[:_SHOWN]:
                where = f"{day.table}, {day.date}: {day.strays:,}"
                sys.stderr.write(f"{PROGRAM}: {where} files came after the day was retired, left alone\n")
            sys.exit(1)


class RetentionCommand(Commands):
    """Takes away what need not be kept; what was charged stays added up."""

    ledger: CliSubCommand[LedgerSettings]
    archive: CliSubCommand[DaysSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)


def _store(settings: StoreSettings) -> Engine:
    engine = open_engine(settings.store_url)
    migrate(engine)
    refuse_pending(engine)
    return engine


def main() -> None:
    """Runs the program."""
    try:
        parse_settings(RetentionCommand, PROGRAM)
    except (BadSettingError, PlatformError, OSError) as problem:
        fail(PROGRAM, problem)


if __name__ == "__main__":
    main()
