"""`campaign rejected`: looks at the topic of rejected commands, and puts them on the command topic again."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from pydantic import Field
from pydantic_settings import CliApp, CliSubCommand
from rich.console import Console
from rich.table import Table

from marketplace.ports import COMMANDS, REJECTED_COMMANDS, Log, Message
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.settings import Commands, LogSettings

_SHOWN = 60


class _RejectedTopic(LogSettings):
    offset: int | None = Field(None, ge=0)
    """Only the command that was rejected at this offset of the command topic; default: all."""

    def _rejected(self, topics: Log) -> Iterator[dict[str, Any]]:
        for partition, bounds in sorted(topics.bounds(REJECTED_COMMANDS).items()):
            for record in topics.read(REJECTED_COMMANDS, partition, bounds):
                rejection = json.loads(record.value)
                if self.offset is None or rejection["offset"] == self.offset:
                    yield rejection | {"key": record.key}


class ListRejectedSettings(_RejectedTopic):
    """Lists rejected commands: where they stood, what is wrong with them, how they begin."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        topics = open_topics(self)
        table = Table(box=None, header_style="dim")
        for title in ("Partition", "Offset", "Field", "Reason", "Message"):
            table.add_column(title, overflow="fold")
        for rejection in self._rejected(topics):
            message = base64.b64decode(rejection["message_base64"]).decode(errors="replace")
            place = (str(rejection["partition"]), str(rejection["offset"]))
            table.add_row(*place, rejection["field"], rejection["reason"], ascii(message[:_SHOWN])[1:-1])
        console = Console()
        console.print(table if table.row_count else "No command was rejected.", markup=False)


class ReplayRejectedSettings(_RejectedTopic):
    """Puts rejected commands on the command topic again, unchanged: for those that were only too early."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        topics = open_topics(self)
        publisher = topics.publisher()
        messages = [
            Message(rejection["key"], base64.b64decode(rejection["message_base64"]))
            for rejection in self._rejected(topics)
            if not rejection["truncated"]
        ]
        publisher.publish(COMMANDS, messages)
        publisher.close()
        Console().print(f"{len(messages):,} commands published again")


class RejectedSettings(Commands):
    """Looks after rejected commands."""

    list: CliSubCommand[ListRejectedSettings]
    replay: CliSubCommand[ReplayRejectedSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)
