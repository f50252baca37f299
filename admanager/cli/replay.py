"""`campaign replay FILE`: publishes a recorded command stream, as it was or moved to now."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import CliPositionalArg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from admanager.stream import Timed, due, read_commands, rebase
from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.ports import COMMANDS, Message, Publisher
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.settings import BadSettingError, LogSettings, ZoneSettings

_AT_A_TIME: Final = 500
_LONGEST_WAIT_S: Final = 0.25


class ReplaySettings(LogSettings, ZoneSettings):
    """Publishes a CSV or JSON-lines file of commands onto the command topic."""

    file: CliPositionalArg[Path]
    """The file of commands."""

    speed: float | None = Field(None, gt=0)
    """So many times real speed; default: as fast as the topic takes it."""

    rebase: str | None = None
    """Move each campaign's window so that it starts when its first command is due: `now` or a time such as
    2026-01-31T12:00; default: windows stay."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        total = sum(1 for _ in read_commands(self.file))
        start_us = self._start_us()
        commands = read_commands(self.file)
        timed = (
            due(commands, start_us, self.speed)
            if self.rebase is None
            else rebase(commands, start_us, self.speed, self.zone)
        )
        topics = open_topics(self)
        publisher = topics.publisher()
        columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns) as progress:
            task = progress.add_task("replaying", total=total)
            for count in _publish(publisher, timed):
                progress.advance(task, count)
        publisher.close()
        topics.close()

    def _start_us(self) -> int:
        if self.rebase in (None, "now"):
            return system_clock()
        try:
            moment = datetime.fromisoformat(self.rebase)
        except ValueError:
            raise BadSettingError(f"--rebase: {self.rebase!r} is neither `now` nor a time") from None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        return int(aware.timestamp()) * US_PER_SECOND


def _publish(publisher: Publisher, timed: Iterable[Timed]) -> Iterator[int]:
    """Publishes commands as they come due, several at a time where several are; yields how many each time."""
    waiting: list[Message] = []
    for command in timed:
        wait_s = (command.time_us - system_clock()) / US_PER_SECOND
        if waiting and (wait_s > 0 or len(waiting) >= _AT_A_TIME):
            publisher.publish(COMMANDS, waiting)
            yield len(waiting)
            waiting = []
        while (wait_s := (command.time_us - system_clock()) / US_PER_SECOND) > 0:
            time.sleep(min(wait_s, _LONGEST_WAIT_S))
        waiting.append(Message(command.command.key, command.command.value()))
    if waiting:
        publisher.publish(COMMANDS, waiting)
        yield len(waiting)
