"""Sends events that the topic lost once more, from the ledger.

With every shard of the outbox owned, so that no relay sends meanwhile: all events above the archive's last ones go to
the topic in order, and a new epoch tells the writer to read from where they begin. What comes twice it drops.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from sqlalchemy import Engine

from marketplace.archive_layout import Epoch, read_epoch, write_epoch
from marketplace.errors import Unavailable
from marketplace.ports import USER_FEEDBACK, ArchiveFiles, Log, Message
from marketplace.runtime.store.outbox import Outbox
from reporting.reconcile import Archived
from reporting.sources import behind, events_after, snapshot

_TABLE: Final = "user_feedback"
_AT_A_TIME: Final = 1_000


def republish(engine: Engine, topics: Log, files: ArchiveFiles, archived: Mapping[str, Archived]) -> int:
    """Sends all events above the archive's last ones, lost or not; returns how many. Raises Unavailable.

    Safe to repeat: events that came through are dropped by their number, and the next epoch begins where this run's
    events do.
    """
    outbox = Outbox(engine)
    with ExitStack() as shards:
        for shard in range(outbox.shards):
            if shards.enter_context(outbox.own(shard)) is None:
                raise Unavailable("a relay is sending right now; stop the feedback handlers, or try again")
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
        if not write_epoch(files, _TABLE, Epoch(read_epoch(files, _TABLE).number + 1, starts)):
            raise Unavailable("someone else is republishing right now")
    return len(messages)
