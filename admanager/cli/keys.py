"""`campaign keys`: the receipt keys' file."""

import sys

from pydantic_settings import CliApp, CliSubCommand

from marketplace.clock import system_clock
from marketplace.runtime.keys import create_ring
from marketplace.runtime.settings import Commands, ReceiptSettings


class CreateSettings(ReceiptSettings):
    """Makes the key file if there is none; ad servers and feedback handlers share it."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        made = create_ring(self.receipt_keys, system_clock())
        sys.stdout.write(f"{self.receipt_keys} {'made' if made else 'is there already, left as it is'}\n")


class KeysSettings(Commands):
    """Looks after the receipt keys."""

    create: CliSubCommand[CreateSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)
