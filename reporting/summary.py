"""What the reconciliation found, as the bill shows it."""

from dataclasses import dataclass, field

from marketplace.money import format_nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationSummary:
    """The archive against the ledger. `findings` are sentences for people; `ok` only if there is nothing to find."""

    campaigns: int
    archived_events: int
    archived_nanos: int
    ledger_nanos: int
    difference_nanos: int
    in_flight_events: int
    twice: int
    gaps: int
    overspent_campaigns: int
    ok: bool
    findings: list[str] = field(default_factory=list)


def reconciliation_facts(summary: ReconciliationSummary, currency: str) -> list[tuple[str, str]]:
    """Returns the reconciliation's figures with their names."""
    return [
        ("Campaigns compared", f"{summary.campaigns:,}"),
        ("Events in the archive", f"{summary.archived_events:,}"),
        ("Events still on their way", f"{summary.in_flight_events:,}"),
        ("Charged, by the archive", f"{format_nanos(summary.archived_nanos)} {currency}"),
        ("Charged, by the ledger", f"{format_nanos(summary.ledger_nanos)} {currency}"),
        ("Difference", f"{format_nanos(summary.difference_nanos)} {currency}"),
        ("Archived twice", f"{summary.twice:,}"),
        ("Gaps", f"{summary.gaps:,}"),
        ("Overspent campaigns", f"{summary.overspent_campaigns:,}"),
    ]
