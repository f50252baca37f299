"""The feedback writer: lands the topics in the archive, exactly once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.log.lag import Lag, read_lag
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.observed import Observed
from marketplace.runtime.probes import Probe
from marketplace.runtime.process import Loop, Process, run_process
from marketplace.runtime.settings import Address, ArchiveSettings, LogSettings, ObservedSettings
from writer.batching import Limits
from writer.landings import FeedbackLanding, Landing, ServedLanding
from writer.loop import Writer
from writer.metrics import figures_of
from writer.user_ids import hashed, load_or_create_key, plain

PROGRAM: Final = "feedback-writer"


class WriterSettings(LogSettings, ArchiveSettings, ObservedSettings, ServerSettings):
    """Lands topics user-feedback and served-ads in the Parquet archive, exactly once."""

    listen: Address = "127.0.0.1:50055"
    """Address to listen on, for health checks."""

    file_records: int = Field(50_000, ge=1, le=5_000_000)
    """A file is closed at so many records."""

    file_bytes: int = Field(16 << 20, ge=1_024, le=1 << 30)
    """A file is closed at so many bytes of messages."""

    file_seconds: float = Field(10.0, gt=0, le=3_600)
    """A file is closed so many seconds after its first record was read."""

    user_ids: Literal["hashed", "plain"] = "hashed"
    """What the archive keeps of a user's id: a keyed hash, or the id."""

    user_id_key: Path = Path("var/user-id-key.json")
    """File with the key of the hashes, the same for every writer; made if there is none."""


def build(settings: WriterSettings) -> Process:
    """Wires the process; on the event loop."""
    archive = open_archive(settings.archive_url)
    archive.catalog.create_tables()
    topics = open_topics(settings)
    limits = Limits(max_records=settings.file_records, max_bytes=settings.file_bytes, max_age_s=settings.file_seconds)
    observed = Observed(PROGRAM, settings)
    conceal = hashed(load_or_create_key(settings.user_id_key)) if settings.user_ids == "hashed" else plain
    landings: Sequence[Landing] = (FeedbackLanding(archive.files, conceal), ServedLanding(conceal))
    if tracer := observed.tracer:
        from writer.traced import TracedLanding  # loads what only traces need

        landings = [TracedLanding(landing, tracer) for landing in landings]
    writers = [Writer(topics, archive.files, archive.catalog, landing, limits) for landing in landings]

    def read_lags() -> Lag:
        lags = [read_lag(topics, writer.topic, writer.positions) for writer in writers]
        return {place: count for each in lags for place, count in each.items()}

    lag = observed.ask(Probe("topics", read_lags, every_s=5.0), if_watched=True)
    observed.figures += figures_of(writers, lambda: lag.newest)
    return Process(
        listen=settings.listen,
        observed=observed,
        loops=[Loop(writer.topic, writer.run) for writer in writers],
        close=topics.close,
    )


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, WriterSettings, build))


if __name__ == "__main__":
    main()
