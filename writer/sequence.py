"""Drops the events that the archive has, and stops where one is missing.

`event_seq` is dense per campaign: after the campaign's mark n only n + 1 is new. At most n came again (the relay sends
a row again when it dies between send and delete); above n + 1 the topic has lost something.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from marketplace.errors import FailedPrecondition
from marketplace.feedback import FeedbackEvent
from marketplace.ports import Record


@dataclass
class SequenceGap(FailedPrecondition):
    """The topic goes on behind an event that it lost. `reconcile --republish` sends it again from the ledger."""

    campaign_id: str
    expected: int
    found: int
    partition: int
    offset: int

    @classmethod
    def at(cls, record: Record, event: FeedbackEvent, expected: int) -> "SequenceGap":
        """Says what is missing before the record."""
        campaign_id = event.serve.winner.campaign_id
        message = (
            f"campaign {campaign_id}: expected event {expected}, found {event.event_seq} "
            f"at {record.topic} partition {record.partition} offset {record.offset}: the topic has lost events; "
            "`reconcile --republish` sends them again from the ledger"
        )
        return cls(message, campaign_id, expected, event.event_seq, record.partition, record.offset)


def keep_new(
    events: Iterable[tuple[Record, FeedbackEvent]], marks: Mapping[str, int]
) -> tuple[list[FeedbackEvent], dict[str, int]]:
    """Returns the events that are new, in order, and the marks of their campaigns behind them.

    `marks` holds the highest archived event_seq per campaign; an unknown campaign has 0. Raises SequenceGap.
    """
    kept: list[FeedbackEvent] = []
    reached: dict[str, int] = {}
    for record, event in events:
        campaign_id = event.serve.winner.campaign_id
        expected = (reached.get(campaign_id) or marks.get(campaign_id, 0)) + 1
        if event.event_seq > expected:
            raise SequenceGap.at(record, event, expected)
        if event.event_seq == expected:
            reached[campaign_id] = expected
            kept.append(event)
    return kept, reached
