"""`campaign users`: the profiles that auctions know users by."""

import sys

from pydantic_settings import CliApp, CliPositionalArg, CliSubCommand

from admanager.users import forget_user
from marketplace.runtime.settings import Commands, StoreSettings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate


class ForgetSettings(StoreSettings):
    """Removes a user's profile; ad servers forget it some seconds later."""

    user_id: CliPositionalArg[str]
    """The user."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        engine = open_engine(self.store_url)
        migrate(engine)
        forgotten = forget_user(engine, self.user_id)
        sys.stdout.write("forgotten\n" if forgotten else "there is no profile of this user\n")


class UsersSettings(Commands):
    """Looks after users' profiles."""

    forget: CliSubCommand[ForgetSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)
