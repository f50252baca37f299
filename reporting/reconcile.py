"""Compares the archive with the ledger, campaign by campaign. Pure.

With n the last event_seq that the archive holds of a campaign: the archive holds 1..n with no gap and no repeat, and
the sum of its charges is the ledger's sum up to n; what the ledger has above n is in the outbox or on the topic; the
ledger's total is the campaign's `spent`, which is at most its highest budget. What was purged of the ledger, and what
the archive has retired, count by their sums.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from marketplace.money import format_nanos
from reporting.summary import ReconciliationSummary

_MAX_FINDINGS: Final = 50


@dataclass(frozen=True, slots=True)
class Archived:
    """What the archive holds of a campaign: number of events, of distinct event_seq, the last one, their charges."""

    events: int = 0
    distinct: int = 0
    last_seq: int = 0
    charged_nanos: int = 0

    def __add__(self, other: "Archived") -> "Archived":
        """Adds what another part of the archive holds of the same campaign; more than 1..n there cannot be."""
        last_seq = max(self.last_seq, other.last_seq)
        return Archived(
            events=self.events + other.events,
            distinct=min(self.distinct + other.distinct, last_seq),
            last_seq=last_seq,
            charged_nanos=self.charged_nanos + other.charged_nanos,
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """An event of the ledger that the archive does not hold yet."""

    event_seq: int
    charged_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgered:
    """What the store holds of a campaign. `pending` are the ledger's events above the archive's last one, by number.

    `events` and `charged_nanos` are the ledger's, with what was purged of it: the events up to `purged_seq`.
    """

    events: int = 0
    charged_nanos: int = 0
    purged_seq: int = 0
    event_seq: int = 0
    spent_nanos: int = 0
    highest_budget_nanos: int = 0
    pending: list[Pending] = field(default_factory=list)


def compare(
    archived: Mapping[str, Archived], ledgered: Mapping[str, Ledgered], travelling: Mapping[str, set[int]]
) -> ReconciliationSummary:
    """Compares; `travelling` are the numbers of the events in the outbox and on the topic, by campaign."""
    findings: list[str] = []
    for campaign_id in sorted(archived.keys() | ledgered.keys()):
        old, new = archived.get(campaign_id, Archived()), ledgered.get(campaign_id, Ledgered())
        findings += (f"campaign {campaign_id}: {finding}" for finding in findings_of(old, new))
        missing = [event.event_seq for event in new.pending if event.event_seq not in travelling.get(campaign_id, ())]
        if missing:
            findings.append(
                f"campaign {campaign_id}: {len(missing)} events from {missing[0]} on are neither archived nor in the "
                "outbox nor on the topic; `reconcile --republish` sends them again"
            )
    return ReconciliationSummary(
        campaigns=len(archived.keys() | ledgered.keys()),
        archived_events=sum(old.events for old in archived.values()),
        archived_nanos=sum(old.charged_nanos for old in archived.values()),
        ledger_nanos=sum(new.charged_nanos for new in ledgered.values()),
        difference_nanos=sum(_difference(archived.get(name), ledgered.get(name)) for name in archived),
        in_flight_events=sum(len(new.pending) for new in ledgered.values()),
        twice=sum(old.events - old.distinct for old in archived.values()),
        gaps=sum(old.last_seq - old.distinct for old in archived.values()),
        overspent_campaigns=sum(_overspent(new) for new in ledgered.values()),
        ok=not findings,
        findings=_bounded(findings),
    )


def findings_of(old: Archived, new: Ledgered) -> Iterator[str]:
    """Says for people what is wrong with one campaign; nothing if it adds up."""
    if old.events > old.distinct:
        yield f"{old.events - old.distinct} events stand in the archive twice"
    if old.last_seq > old.distinct:
        yield f"{old.last_seq - old.distinct} events below {old.last_seq} are missing in the archive"
    if new.purged_seq > old.last_seq:
        yield f"the ledger is purged up to event {new.purged_seq}, the archive ends at {old.last_seq}"
    if difference := _difference(old, new):
        yield f"the archive's charges differ from the ledger's by {format_nanos(difference)}"
    if new.events != new.event_seq:
        yield f"the ledger holds {new.events} events, the campaign has counted {new.event_seq}"
    if new.charged_nanos != new.spent_nanos:
        yield f"the ledger's total is {format_nanos(new.charged_nanos)}, spent is {format_nanos(new.spent_nanos)}"
    if _overspent(new):
        yield f"spent {format_nanos(new.spent_nanos)} of at most {format_nanos(new.highest_budget_nanos)}"


def _difference(old: Archived | None, new: Ledgered | None) -> int:
    """Returns by how much the archive's charges exceed the ledger's up to the same event."""
    if old is None:
        return 0
    ledger = new.charged_nanos - sum(event.charged_nanos for event in new.pending) if new else 0
    return old.charged_nanos - ledger


def _overspent(new: Ledgered) -> bool:
    return new.spent_nanos > new.highest_budget_nanos


def _bounded(findings: Iterable[str]) -> list[str]:
    listed = list(findings)
    more = len(listed) - _MAX_FINDINGS
    return [*listed[:_MAX_FINDINGS], f"and {more} more"] if more > 0 else listed
