"""`campaign keys`: the receipt keys' file."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field
from pydantic_settings import CliApp, CliPositionalArg, CliSubCommand
from rich.console import Console
from rich.table import Table

from admanager.key_rotation import LEAD_S, with_new_key, without_retired
from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.receipt import ReceiptKey
from marketplace.runtime.keys import change_keys, create_ring, load_keys
from marketplace.runtime.settings import BadSettingError, Commands, ReceiptSettings


class CreateSettings(ReceiptSettings):
    """Makes the key file if there is none; ad servers and feedback handlers share it."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        made = create_ring(self.receipt_keys, system_clock())
        sys.stdout.write(f"{self.receipt_keys} {'made' if made else 'is there already, left as it is'}\n")


class ListSettings(ReceiptSettings):
    """Lists the keys by their ids; their secrets are never shown."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        now_us = system_clock()
        keys = sorted(load_keys(self.receipt_keys), key=lambda key: (key.active_from_us, key.key_id))
        sealing = [key for key in keys if key.active_from_us <= now_us][-1:] or keys[:1]
        table = Table("Key", "Seals from", "", box=None, header_style="dim")
        for key in keys:
            moment = datetime.fromtimestamp(key.active_from_us / US_PER_SECOND, UTC)
            state = "seals" if key in sealing else "opens" if key.active_from_us <= now_us else "will seal"
            table.add_row(key.key_id.hex(), f"{moment:%Y-%m-%d %H:%M:%S} UTC", state)
        Console().print(table)


class RotateSettings(ReceiptSettings):
    """Adds a new key and removes those that no valid receipt can be sealed with any more."""

    lead_seconds: int = Field(LEAD_S, ge=2, le=7 * 86_400)
    """The new key seals after so long; by then every process must have read the file."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        now_us = system_clock()

        def rotate(keys: Sequence[ReceiptKey]) -> list[ReceiptKey]:
            kept = without_retired(keys, now_us, self.receipt_life_us)
            return with_new_key(kept, now_us + self.lead_seconds * US_PER_SECOND)

        change_keys(self.receipt_keys, rotate)
        sys.stdout.write(f"a new key seals in {self.lead_seconds:,} s\n")


class DropSettings(ReceiptSettings):
    """Removes a key at once, because others know it: no receipt that was sealed with it is accepted any more."""

    key_id: CliPositionalArg[str]
    """The key, as `campaign keys list` names it."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""

        def drop(keys: Sequence[ReceiptKey]) -> list[ReceiptKey]:
            left = [key for key in keys if key.key_id.hex() != self.key_id.lower()]
            if len(left) == len(keys):
                raise BadSettingError(f"there is no key {self.key_id[:16]!r}")
            if not left:
                raise BadSettingError("it is the only key: `campaign keys rotate` first")
            return left

        change_keys(self.receipt_keys, drop)
        sys.stdout.write("dropped\n")


class KeysSettings(Commands):
    """Looks after the receipt keys."""

    create: CliSubCommand[CreateSettings]
    list: CliSubCommand[ListSettings]
    rotate: CliSubCommand[RotateSettings]
    drop: CliSubCommand[DropSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)
