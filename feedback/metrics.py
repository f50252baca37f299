"""What an operator sees of a feedback handler. docs/metrics.md says what is normal."""

from collections.abc import Callable

from feedback.backlog import Backlog
from feedback.queue import ChargeQueue
from marketplace.metrics import Figure, counter, gauge, histogram


def figures_of(queue: ChargeQueue, backlog: Callable[[], Backlog | None]) -> list[Figure]:
    """Returns the figures of charging and of the outbox; `backlog` is what is known of that now."""
    counts = queue.counts

    def rows() -> int | None:
        return newest.rows if (newest := backlog()) else None

    def age_s() -> float | None:
        return newest.age_s if (newest := backlog()) else None

    return [
        counter(
            "adplatform_charges_total",
            "First feedbacks, charged or free, by action.",
            lambda: {(action.name,): count for action, count in counts.charges.items()},
            "action",
        ),
        counter(
            "adplatform_repeats_total",
            "Feedbacks that had been charged before, by action.",
            lambda: {(action.name,): count for action, count in counts.repeats.items()},
            "action",
        ),
        counter("adplatform_charged_nanos_total", "Sum of the charges in nanos.", lambda: counts.charged_nanos),
        counter(
            "adplatform_uncharged_nanos_total",
            "Sum of what was due beyond the campaigns' budgets, in nanos.",
            lambda: counts.uncharged_nanos,
        ),
        gauge("adplatform_charge_queue_claims", "Feedbacks waiting to be charged.", lambda: queue.waiting),
        histogram("adplatform_charge_batch_claims", "Feedbacks charged in one transaction.", lambda: counts.sizes),
        histogram(
            "adplatform_charge_batch_duration_seconds",
            "Time of a charging transaction, with its repetitions.",
            lambda: counts.seconds,
        ),
        gauge("adplatform_outbox_rows", "Messages in the outbox, counted up to 100,000.", rows),
        gauge("adplatform_outbox_age_seconds", "Age of the oldest feedback event in the outbox.", age_s),
    ]
