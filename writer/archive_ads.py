"""`archive ads`: puts a snapshot of the campaigns into the archive, for the reports."""

import sys
from collections.abc import Iterator
from typing import Final

from pydantic_settings import CliApp, CliSubCommand
from sqlalchemy import select

from marketplace.campaign import Campaign
from marketplace.errors import Unavailable
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.settings import ArchiveSettings, BadSettingError, Commands, StoreSettings, fail, parse_settings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.rows import campaign_of
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading
from writer.ads import archive_ads

PROGRAM: Final = "archive"
_ROWS_AT_A_TIME: Final = 5_000


class AdsSettings(StoreSettings, ArchiveSettings):
    """Replaces the archive's table `ads` by the campaigns as they stand in the store now."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine = open_engine(self.store_url)
        migrate(engine)
        archive = open_archive(self.archive_url)

        def campaigns() -> Iterator[Campaign]:
            with reading(engine) as connection:  # one statement: one moment
                for row in connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(select(ads)):
                    yield campaign_of(row)

        count = archive_ads(campaigns(), archive.files)
        archive.catalog.create_tables()
        sys.stdout.write(f"{count:,} campaigns archived\n")


class ArchiveCommand(Commands):
    """Looks after the archive."""

    ads: CliSubCommand[AdsSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)


def main() -> None:
    """Runs the program."""
    try:
        parse_settings(ArchiveCommand, PROGRAM)
    except (BadSettingError, Unavailable, OSError) as problem:
        fail(PROGRAM, problem)


if __name__ == "__main__":
    main()
