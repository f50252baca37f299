"""The feedback writer: lands the topics in the archive, exactly once."""

import sys
from typing import Final

from pydantic import Field

from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.process import Loop, Process, run_process
from marketplace.runtime.settings import Address, ArchiveSettings, LogSettings
from writer.batching import Limits
from writer.landings import FeedbackLanding, ServedLanding
from writer.loop import Writer

PROGRAM: Final = "feedback-writer"


class WriterSettings(LogSettings, ArchiveSettings):
    """Lands topics user-feedback and served-ads in the Parquet archive, exactly once."""

    listen: Address = "127.0.0.1:50055"
    """Address to listen on, for health checks."""

    file_records: int = Field(50_000, ge=1, le=5_000_000)
    """A file is closed at so many records."""

    file_bytes: int = Field(16 << 20, ge=1_024, le=1 << 30)
    """A file is closed at so many bytes of messages."""

    file_seconds: float = Field(10.0, gt=0, le=3_600)
    """A file is closed so many seconds after its first record was read."""


def build(settings: WriterSettings) -> Process:
    """Wires the process; on the event loop."""
    archive = open_archive(settings.archive_url)
    archive.catalog.create_tables()
    topics = open_topics(settings)
    limits = Limits(max_records=settings.file_records, max_bytes=settings.file_bytes, max_age_s=settings.file_seconds)
    landings = (FeedbackLanding(archive.files), ServedLanding())
    return Process(
        listen=settings.listen,
        loops=[
            Loop(landing.topic, Writer(topics, archive.files, archive.catalog, landing, limits).run)
            for landing in landings
        ],
        close=topics.close,
    )


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, WriterSettings, build))


if __name__ == "__main__":
    main()
