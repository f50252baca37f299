"""What an operator sees of a feedback writer. docs/metrics.md says what is normal."""

from collections.abc import Callable, Sequence

from marketplace.metrics import Figure, Value, counter, gauge, histogram
from marketplace.runtime.log.lag import Lag, lag_figure
from writer.loop import Writer


def figures_of(writers: Sequence[Writer], lag: Callable[[], Lag | None]) -> list[Figure]:
    """Returns the figures of what is archived, by topic; `lag` is what is known of it now."""

    def each(of: Callable[[Writer], Value]) -> dict[tuple[str, ...], Value]:
        return {(writer.topic,): of(writer) for writer in writers}

    return [
        counter("adplatform_archive_files_total", "Files published.", lambda: each(lambda w: w.counts.files), "topic"),
        counter(
            "adplatform_archive_messages_total",
            "Messages of the topic that are in published files, or were there already.",
            lambda: each(lambda w: w.counts.records),
            "topic",
        ),
        counter("adplatform_archive_rows_total", "Rows archived.", lambda: each(lambda w: w.counts.rows), "topic"),
        counter(
            "adplatform_archive_failures_total",
            "Steps that could not be done and are tried again.",
            lambda: each(lambda w: w.counts.failures),
            "topic",
        ),
        histogram(
            "adplatform_archive_delay_seconds",
            "Time from the first message of a file on the topic to its publishing.",
            lambda: each(lambda w: w.counts.delay_s),
            "topic",
        ),
        gauge(
            "adplatform_archive_waiting_seconds",
            "Age of the oldest message that was read and is not archived.",
            lambda: each(lambda w: w.waiting_s),
            "topic",
        ),
        lag_figure(lag),
    ]
