"""`store`: backs the store up while it is at work, restores it, and brings a restored one up to the archive."""

import sys
from pathlib import Path
from typing import Final

from pydantic_settings import CliApp, CliPositionalArg, CliSubCommand
from rich.console import Console

from marketplace.errors import PlatformError
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.settings import (
    ArchiveSettings,
    BadSettingError,
    Commands,
    CurrencySettings,
    LogSettings,
    SlotSettings,
    StoreSettings,
    fail,
    parse_settings,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.restored import mark_pending, pass_lost_numbers
from marketplace.runtime.store.transactions import retrying, write_transaction
from reporting.recovery.backup import backup_store, restore_store
from reporting.recovery.importing import import_archived
from reporting.terminal import print_reconciliation

PROGRAM: Final = "store"


class BackupSettings(StoreSettings):
    """Copies the store, as it is at one moment and while it is at work, into one SQLite file."""

    file: CliPositionalArg[Path]
    """The file to make."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine = open_engine(self.store_url)
        migrate(engine)
        count = backup_store(engine, self.file)
        sys.stdout.write(f"{count:,} rows backed up into {self.file}, {self.file.stat().st_size:,} bytes\n")


class RestoreSettings(StoreSettings):
    """Puts a backup into an empty store, on whatever database; `store import-archived` has to follow."""

    file: CliPositionalArg[Path]
    """The backup."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        count = restore_store(self.file, open_engine(self.store_url))
        sys.stdout.write(
            f"{count:,} rows restored. Now start the ad manager and the writer, nothing else; when they have caught "
            "up, run `store import-archived`.\n"
        )


class MarkSettings(StoreSettings):
    """Marks a store that was restored by other means (a dump, a snapshot), as `store restore` does by itself."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine = open_engine(self.store_url)
        migrate(engine)

        def mark() -> None:
            with write_transaction(engine) as connection:
                mark_pending(connection)
                pass_lost_numbers(connection)
                connection.commit()

        retrying(mark)
        sys.stdout.write("marked: handlers and slot manager do not start until `store import-archived` is done\n")


class ImportSettings(StoreSettings, LogSettings, ArchiveSettings, SlotSettings, CurrencySettings):
    """Adds to a restored store the archived events that are newer than it; refuses if the archive lacks some.

    Exits with 1, and leaves the store marked, if ledger and archive differ afterwards.
    """

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine = open_engine(self.store_url)
        migrate(engine)
        imported = import_archived(engine, open_topics(self), open_archive(self.archive_url), self.slot_grid)
        sys.stdout.write(f"{imported.events:,} events imported from the archive\n")
        print_reconciliation(Console(), imported.reconciled, self.currency)
        sys.exit(0 if imported.reconciled.ok else 1)


class StoreCommand(Commands):
    """Looks after the store."""

    backup: CliSubCommand[BackupSettings]
    restore: CliSubCommand[RestoreSettings]
    mark_restored: CliSubCommand[MarkSettings]
    import_archived: CliSubCommand[ImportSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)


def main() -> None:
    """Runs the program."""
    try:
        parse_settings(StoreCommand, PROGRAM)
    except (BadSettingError, PlatformError, OSError) as problem:
        fail(PROGRAM, problem)


if __name__ == "__main__":
    main()
