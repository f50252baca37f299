"""What is submitted: published once the store knows of it, and not at all for a caller who does not wait any more."""

from collections.abc import Sequence
from typing import Any

import pytest
from command_messages import COMPLETE, START_US

from admanager.commands import Verb
from admanager.submit import Submitter
from marketplace.errors import DeadlineExceeded
from marketplace.ports import COMMANDS, Message

FIELDS = {name: value for name, value in COMPLETE.items() if name != "action"}


class EmptyStore:
    """A store that knows no campaign; notes what was submitted."""

    def __init__(self) -> None:
        self.submitted: list[str] = []

    def command(self, command_id: str) -> None:
        return None

    def campaign(self, campaign_id: str) -> None:
        return None

    def submit(self, command_id: str, campaign_id: str, action: str, now_us: int, account: str) -> None:
        self.submitted.append(campaign_id)


class Published:
    """A publisher that notes what it is given."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self.topics += [topic] * len(messages)

    def close(self) -> None:
        """Has nothing to let go of."""


def submitter(store: Any, publisher: Published) -> Submitter:
    return Submitter(store, publisher, lambda: START_US)


def test_a_command_is_kept_and_published() -> None:
    store, publisher = EmptyStore(), Published()
    done = submitter(store, publisher).submit(Verb.NEW, FIELDS, START_US + 1)
    assert (store.submitted, publisher.topics) == ([done.campaign_id], [COMMANDS])


def test_after_the_deadline_nothing_is_kept_and_nothing_is_published() -> None:
    store, publisher = EmptyStore(), Published()
    with pytest.raises(DeadlineExceeded):
        submitter(store, publisher).submit(Verb.NEW, FIELDS, START_US)
    assert (store.submitted, publisher.topics) == ([], [])
