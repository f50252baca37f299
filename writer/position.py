"""Where a partition is read on, and whether the topic still has what lies there."""

from marketplace.archive_layout import Epoch
from marketplace.errors import FailedPrecondition
from marketplace.ports import Bounds


class TopicRefused(FailedPrecondition):
    """The topic is not the one that the archive was written from, or has lost what was not archived yet."""


def start_position(epoch: Epoch, partition: int, archived_end: int | None, committed: int | None) -> int:
    """Returns the offset to read on from: the end of the epoch's newest file, or the committed offset if higher.

    In an epoch that an epoch file began, the committed offset may be one of the topic as it was before: only the
    epoch's own start and files count.
    """
    if epoch.number:
        return max(epoch.start_of(partition), archived_end or 0)
    return max(committed or 0, archived_end or 0)


def check_bounds(topic: str, partition: int, position: int, bounds: Bounds) -> None:
    """Raises TopicRefused if the partition ends before the position or begins behind it."""
    where = f"{topic} partition {partition}"
    remedy = "`reconcile --republish` sends from the ledger what is missing and makes the writer start anew"
    if bounds.end < position:
        raise TopicRefused(
            f"{where} ends at offset {bounds.end}, but is archived up to {position}: "
            f"the topic was emptied or made anew; {remedy}"
        )
    if bounds.start > position:
        raise TopicRefused(
            f"{where} begins at offset {bounds.start}, but is archived only up to {position}: "
            f"the topic has dropped messages that were not archived yet; {remedy}"
        )
