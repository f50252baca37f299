"""Where an ad manager reads on, and when it refuses the topic."""

from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from admanager.consume import CommandConsumer, TopicLost
from admanager.lifecycle import Rules
from marketplace.ports import Bounds
from marketplace.slots import SlotGrid


def consumer(applied: int, end: int) -> CommandConsumer:
    """Returns a consumer whose store has applied so many commands of a topic that now ends there."""
    topics: Any = SimpleNamespace(bounds=lambda topic: {0: Bounds(0, end)})
    store: Any = SimpleNamespace(positions=lambda topic, starts: {0: applied})
    return CommandConsumer(topics, store, lambda: 0, Rules(SlotGrid(), UTC))


def test_commands_that_another_member_has_applied_meanwhile_are_not_taken_for_lost_ones() -> None:
    assert consumer(applied=5, end=5).assigned({0: Bounds(0, 3)}, {}) == {0: 5}


@pytest.mark.parametrize("bounds", [Bounds(0, 3), Bounds(6, 9)])
def test_a_topic_that_does_not_hold_the_position_is_refused(bounds: Bounds) -> None:
    with pytest.raises(TopicLost):
        consumer(applied=5, end=bounds.end).assigned({0: bounds}, {})
