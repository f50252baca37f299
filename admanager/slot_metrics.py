"""What an operator sees of a slot manager. docs/metrics.md says what is normal."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from marketplace.metrics import Figure, counter, gauge, histogram

if TYPE_CHECKING:
    from admanager.slot_manager import SlotManager

Census = Mapping[tuple[str, ...], int]


def slot_figures(manager: "SlotManager", census: Callable[[], Census | None]) -> list[Figure]:
    """Returns the figures of slots; `census` is what is known of the campaigns now."""
    return [
        gauge("adplatform_slots_behind", "Slots that have begun and are not filled.", lambda: manager.behind),
        counter("adplatform_slot_campaigns_filled_total", "Slots of campaigns filled.", lambda: manager.campaigns),
        histogram(
            "adplatform_slot_fill_duration_seconds",
            "Time that filling all campaigns' slots takes.",
            lambda: manager.seconds,
        ),
        gauge("adplatform_campaigns", "Campaigns in the store, by state.", census, "state"),
    ]
