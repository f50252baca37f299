"""What an operator sees of an ad manager. docs/metrics.md says what is normal."""

from collections.abc import Callable

from admanager.consume import CommandConsumer
from admanager.lifecycle import Outcome
from marketplace.metrics import Figure, counter
from marketplace.runtime.log.lag import Lag, lag_figure


def command_figures(consumer: CommandConsumer, lag: Callable[[], Lag | None]) -> list[Figure]:
    """Returns the figures of commands; `lag` is what is known of it now."""
    return [
        counter(
            "adplatform_commands_total",
            "Commands handled, by outcome.",
            lambda: {(outcome.value,): consumer.outcomes[outcome] for outcome in Outcome},
            "outcome",
        ),
        lag_figure(lag),
    ]
