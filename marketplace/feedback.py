"""Feedback: what a user did with an ad, and the event that the charge leaves behind."""

from dataclasses import dataclass
from enum import IntEnum

from marketplace.serve import Serve


class Action(IntEnum):
    """What the user did; each implies the ones below it. The numbers are those of the proto enum and the ledger."""

    VIEW = 1
    CLICK = 2
    ACQUISITION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargedAction:
    """One charged action, without the serve that it was on. Money in nanos.

    `event_seq` is dense per campaign: 1, 2, 3, ... `view`, `click` and `acquisition` are 1 when this event made it true
    for the first time for its request, so reports are plain sums.
    """

    event_seq: int
    action: Action
    view: int
    click: int
    acquisition: int
    charged_nanos: int
    uncharged_nanos: int
    charged_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackEvent(ChargedAction):
    """One charged action, as the topic `user-feedback` and the archive keep it."""

    serve: Serve
