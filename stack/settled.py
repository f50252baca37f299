"""Tells when what was put in at one end has come out at the other."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine, func, select

from marketplace.ports import COMMANDS, SERVED_ADS, USER_FEEDBACK, ArchiveFiles, Log
from marketplace.runtime.archive.positions import archive_positions
from marketplace.runtime.store.schema import outbox, positions
from marketplace.runtime.store.transactions import reading

_POLL_S: Final = 0.1


class NotSettledError(RuntimeError):
    """Something did not come through in time."""


def wait_until(what: str, done: Callable[[], bool], timeout_s: float) -> None:
    """Polls until `done`. Raises NotSettledError, whose text begins with `what`."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise NotSettledError(f"{what}: not after {timeout_s:.0f} s")
        time.sleep(_POLL_S)


def commands_applied(engine: Engine, topics: Log) -> bool:
    """Tells whether every command on the topic has been applied."""
    with reading(engine) as connection:
        rows = connection.execute(select(positions).filter_by(topic=COMMANDS))
        applied = {row.topic_partition: row.next_offset for row in rows}
    return all(applied.get(partition, 0) >= bounds.end for partition, bounds in topics.bounds(COMMANDS).items())


def outbox_empty(engine: Engine) -> bool:
    """Tells whether every event has been sent to its topic."""
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 0


def topics_archived(topics: Log, files: ArchiveFiles) -> bool:
    """Tells whether everything on the topics has landed in the archive."""
    return all(
        archive_positions(files, topic).get(partition, 0) >= bounds.end
        for topic in (USER_FEEDBACK, SERVED_ADS)
        for partition, bounds in topics.bounds(topic).items()
        if bounds.end > bounds.start
    )
