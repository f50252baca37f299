"""When each command of a stream is due, and windows moved along: a replay of old commands as if they were new."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from admanager.stream.command import NEW, StreamCommand
from admanager.stream.window import read_window, write_window

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UUID_EPOCH_TICKS: Final = 0x01B21DD213814000  # 1582-10-15 to 1970-01-01 in steps of 100 ns


@dataclass(frozen=True, slots=True)
class Timed:
    """A command and an instant in microseconds since the epoch: its own time, or when it is due."""

    time_us: int
    command: StreamCommand


def schedule(commands: Iterable[StreamCommand]) -> Iterator[Timed]:
    """Yields each command with its own time: for a New that of its campaign's UUIDv1, else that of the New before it.

    What comes before the first New (held back until that is read) has the first New's time; 0 where no New has a time.
    """
    waiting: list[StreamCommand] | None = []
    own_us = 0
    for command in commands:
        created_us = _created_us(command)
        if created_us is not None:
            own_us = created_us
            if waiting is not None:
                yield from (Timed(own_us, early) for early in waiting)
                waiting = None
        if waiting is None:
            yield Timed(own_us, command)
        else:
            waiting.append(command)
    yield from (Timed(0, early) for early in waiting or ())


def due(commands: Iterable[StreamCommand], at_us: int, speed: float | None = None) -> Iterator[Timed]:
    """Yields each command with the instant when it is due: the first at `at_us`, the others `speed` times as fast after
    it as their own times are apart; with no speed all at `at_us`. Raises ValueError for a speed of 0 or below."""
    if speed is not None and not speed > 0:
        raise ValueError(f"a replay's speed must be above 0, not {speed}")
    first_us: int | None = None
    for timed in schedule(commands):
        first_us = timed.time_us if first_us is None else first_us
        after_us = 0 if speed is None else round((timed.time_us - first_us) / speed)
        yield Timed(at_us + after_us, timed.command)


def rebase(
    commands: Iterable[StreamCommand], at_us: int, speed: float | None = None, zone: tzinfo = UTC
) -> Iterator[Timed]:
    """Yields each command with the instant when it is due, and its window moved.

    EACH campaign's window moves by its own span, the same for all its commands, so that it starts (floored to the
    second) when the campaign's first command is due; its length stays. The text of windows is meant in `zone`. A
    command without a window that can be read stays as it is.
    """
    first_due_us: dict[str, int] = {}
    spans: dict[str, timedelta] = {}
    for timed in due(commands, at_us, speed):
        campaign = timed.command.campaign_id
        start_us = first_due_us.setdefault(campaign, timed.time_us)
        yield replace(timed, command=_moved(timed.command, start_us, spans, zone)) if campaign else timed


def _moved(command: StreamCommand, start_us: int, spans: dict[str, timedelta], zone: tzinfo) -> StreamCommand:
    window = read_window(command.fields or {}, zone)
    if window is None:
        return command
    start = _EPOCH + timedelta(seconds=start_us // 1_000_000)
    span = spans.setdefault(command.campaign_id, start - window.start)
    try:
        moved = window.shifted(span)
        return StreamCommand(command.line, write_window(command.fields or {}, moved, zone))
    except (OverflowError, ValueError):
        return command


def _created_us(command: StreamCommand) -> int | None:
    action = command.fields.get("action") if command.fields else None
    if not isinstance(action, str) or action.strip().casefold() != NEW.casefold():
        return None
    try:
        campaign = uuid.UUID(command.campaign_id)
    except ValueError:
        return None
    return (campaign.time - _UUID_EPOCH_TICKS) // 10 if campaign.version == 1 else None
