"""Sends events that the topic lost once more, from the ledger.

With every shard of the outbox owned, so that no relay sends meanwhile: all events above the archive's last ones go to
the topic in order, and a new epoch tells the writer to read from where they begin. What comes twice it drops.

Serve records that `served-ads` lost are in no ledger, and no bill depends on them: there a new epoch only lets the
writer go on.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine

from marketplace.archive_layout import TABLE_OF_TOPIC, Epoch, read_epoch, write_epoch
from marketplace.errors import Unavailable
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, ArchiveFiles, Log, Message
from marketplace.runtime.archive.positions import archive_positions
from marketplace.runtime.store.outbox import SHARDS, Outbox
from reporting.reconcile import Archived
from reporting.sources import behind, events_after, snapshot

_AT_A_TIME: Final = 1_000
_OWN_TIMEOUT_S: Final = 10.0
_OWN_PAUSE_S: Final = 0.005


def republish(engine: Engine, topics: Log, files: ArchiveFiles, archived: Mapping[str, Archived]) -> int:
    """Sends all events above the archive's last ones, lost or not; returns how many. Raises Unavailable.

    Safe to repeat: events that came through are dropped by their number, and the next epoch begins where this run's
    events do.
    """
    with _own_all(Outbox(engine)):
        starts = {partition: bounds.end for partition, bounds in topics.bounds(USER_FEEDBACK).items()}
        with snapshot(engine) as connection:
            messages = [
                Message(campaign_id.encode(), event)
                for campaign_id, last_seq in behind(connection, archived).items()
                for event in events_after(connection, campaign_id, last_seq)
            ]
        publisher = topics.publisher()
        for start in range(0, len(messages), _AT_A_TIME):
            publisher.publish(USER_FEEDBACK, messages[start : start + _AT_A_TIME])
        publisher.close()
        _begin_epoch(files, USER_FEEDBACK, starts)
    _pass_lost_serves(topics, files)
    return len(messages)


def _pass_lost_serves(topics: Log, files: ArchiveFiles) -> None:
    archived = archive_positions(files, SERVED_ADS)
    held = topics.bounds(SERVED_ADS)
    positions = {partition: archived.get(partition, 0) for partition in held}
    starts = {
        partition: position if held[partition].start <= position <= held[partition].end else held[partition].start
        for partition, position in positions.items()
    }
    if starts != positions:
        _begin_epoch(files, SERVED_ADS, starts)


def _begin_epoch(files: ArchiveFiles, topic: str, starts: Mapping[int, int]) -> None:
    table = TABLE_OF_TOPIC[topic]
    if not write_epoch(files, table, Epoch(read_epoch(files, table).number + 1, starts)):
        raise Unavailable("someone else is republishing right now")


@contextmanager
def _own_all(outbox: Outbox) -> Iterator[None]:
    """Keeps every relay from sending. Raises Unavailable where one cannot be kept from it for long."""
    deadline = time.monotonic() + _OWN_TIMEOUT_S
    while time.monotonic() < deadline:
        with outbox.own() as owned:
            if len(owned.shards) == SHARDS:
                yield
                return
        time.sleep(_OWN_PAUSE_S)
    raise Unavailable("relays are sending without a pause; stop the feedback handlers, or try again")
