"""A campaign's course, minute by minute, from the events of its ledger. Pure.

Events never change and are numbered without a gap, so a course is read on from where it ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from reporting.service.traffic import MINUTE_US


class Event(NamedTuple):
    """What a course needs of a ledger's event. Money in nanos."""

    event_seq: int
    charged_at_us: int
    view: int
    click: int
    acquisition: int
    charged_nanos: int
    uncharged_nanos: int
    bid_cpm_nanos: int
    clearing_cpm_nanos: int


@dataclass(slots=True)
class Step:
    """Sums over one step that begins at `start_us`; bids and prices are summed over the `priced` ones of the views.

    Of days of which the archive has only sums left, views have no prices.
    """

    start_us: int
    views: int = 0
    clicks: int = 0
    acquisitions: int = 0
    charged_nanos: int = 0
    uncharged_nanos: int = 0
    bids_nanos: int = 0
    prices_nanos: int = 0
    priced: int = 0

    def add(self, other: "Step") -> None:
        """Adds another step's sums."""
        self.views += other.views
        self.clicks += other.clicks
        self.acquisitions += other.acquisitions
        self.charged_nanos += other.charged_nanos
        self.uncharged_nanos += other.uncharged_nanos
        self.bids_nanos += other.bids_nanos
        self.prices_nanos += other.prices_nanos
        self.priced += other.priced

    @property
    def bid_cpm_nanos(self) -> int:
        """Returns the mean bid of the ads that were seen; 0 without any."""
        return self.bids_nanos // self.priced if self.priced else 0

    @property
    def clearing_cpm_nanos(self) -> int:
        """Returns the mean clearing price of the ads that were seen; 0 without any."""
        return self.prices_nanos // self.priced if self.priced else 0


@dataclass(slots=True)
class Course:
    """What is known of a campaign up to event `last_seq`; when it was last charged more than nothing, 0 for never."""

    last_seq: int = 0
    last_charged_us: int = 0
    minutes: dict[int, Step] = field(default_factory=dict)

    def add(self, events: Iterable[Event]) -> None:
        """Adds the next events, in the order of their numbers."""
        for event in events:
            number = event.charged_at_us // MINUTE_US
            step = self.minutes.get(number)
            if step is None:
                step = self.minutes[number] = Step(number * MINUTE_US)
            step.views += event.view
            step.clicks += event.click
            step.acquisitions += event.acquisition
            step.charged_nanos += event.charged_nanos
            step.uncharged_nanos += event.uncharged_nanos
            if event.view:
                step.bids_nanos += event.bid_cpm_nanos
                step.prices_nanos += event.clearing_cpm_nanos
                step.priced += 1
            if event.charged_nanos:
                self.last_charged_us = max(self.last_charged_us, event.charged_at_us)
            self.last_seq = event.event_seq

    def restart(self, past: "Course") -> None:
        """Becomes a copy of a course that reaches further."""
        self.minutes = {number: replace(step) for number, step in past.minutes.items()}
        self.last_seq, self.last_charged_us = past.last_seq, past.last_charged_us

    @property
    def first_us(self) -> int | None:
        """Returns when the first event's minute began; None without events."""
        return min(self.minutes) * MINUTE_US if self.minutes else None

    def steps(self, start_us: int, end_us: int, step_us: int) -> list[Step]:
        """Returns the steps of [start, end) in which something happened, in order."""
        found: dict[int, Step] = {}
        for minute in self.minutes.values():
            if start_us <= minute.start_us < end_us:
                at_us = start_us + (minute.start_us - start_us) // step_us * step_us
                found.setdefault(at_us, Step(at_us)).add(minute)
        return [found[at_us] for at_us in sorted(found)]

    def charged_from(self, start_us: int) -> int:
        """Returns what was charged at or after an instant."""
        return sum(step.charged_nanos for step in self.minutes.values() if step.start_us >= start_us)


def step_length_us(start_us: int, end_us: int, max_points: int) -> int:
    """Returns the shortest step of whole minutes that cuts [start, end) into at most `max_points`."""
    minutes = -(-(end_us - start_us) // MINUTE_US)
    return max(1, -(-minutes // max_points)) * MINUTE_US
