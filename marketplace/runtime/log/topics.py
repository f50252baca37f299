"""The platform's topics and what a message may weigh, whichever log carries them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from marketplace.errors import FailedPrecondition, InvalidArgument, Unavailable
from marketplace.ports import COMMANDS, REJECTED_COMMANDS, SERVED_ADS, USER_FEEDBACK, Bounds, Message
from marketplace.runtime.settings import BadSettingError

MAX_MESSAGE_BYTES: Final = 1_000_000  # with headers; a Kafka broker takes 1,048,588 with its framing by default

_SERVED_ADS_RETENTION_S: Final = 7 * 24 * 3600  # statistics; every other topic is kept until someone deletes it


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """How a topic is created; `retention_s` is None for a topic that is kept forever, `replication` is for Kafka."""

    name: str
    partitions: int = 1
    replication: int = 1
    retention_s: int | None = None

    def __post_init__(self) -> None:
        if self.partitions < 1 or self.replication < 1:
            raise ValueError(f"topic {self.name} needs at least one partition and one replica")


def platform_topics(*, partitions: Mapping[str, int] | None = None, replication: int = 1) -> tuple[TopicSettings, ...]:
    """Returns the four topics; `partitions` names those that shall have more than one."""
    retention = {COMMANDS: None, REJECTED_COMMANDS: None, USER_FEEDBACK: None, SERVED_ADS: _SERVED_ADS_RETENTION_S}
    counts = partitions or {}
    if unknown := counts.keys() - retention.keys():
        raise ValueError(f"no such topics: {', '.join(sorted(unknown))}")
    return tuple(
        TopicSettings(name=name, partitions=counts.get(name, 1), replication=replication, retention_s=kept_s)
        for name, kept_s in retention.items()
    )


def check_sizes(messages: Sequence[Message]) -> None:
    """Raises InvalidArgument if a message is larger than MAX_MESSAGE_BYTES, before any of them is sent."""
    for message in messages:
        size = len(message.key or b"") + len(message.value)
        if message.headers:
            size += sum(len(name.encode()) + len(value) for name, value in message.headers)
        if size > MAX_MESSAGE_BYTES:
            raise InvalidArgument(f"a message of {size} bytes is above the limit of {MAX_MESSAGE_BYTES}", "value")


def check_position(topic: str, partition: int, position: int, held: Bounds) -> None:
    """Raises FailedPrecondition if reading cannot go on at a position, rather than jump over what is missing."""
    if not held.start <= position <= held.end:
        raise out_of_range(topic, partition, position, f"the log holds [{held.start}, {held.end})")


def out_of_range(topic: str, partition: int, position: int, held: str) -> FailedPrecondition:
    """Returns the error for a position that a partition does not hold (any more)."""
    return FailedPrecondition(f"{topic}/{partition} cannot be read from {position}: {held}")


def no_answer(problem: Exception) -> Unavailable:
    """Returns the error for a log that does not answer in time; the cause is for the process's own log."""
    error = Unavailable("the log does not answer, try again")
    error.__cause__ = problem
    return error


class LogUrlError(BadSettingError):
    """The log's URL is not one that can be opened; the text never holds the password."""
