"""What the writer's tests are made of: events, a real embedded log, and what must hold of an archive."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from marketplace.archive_layout import TABLE_OF_TOPIC, FileName, partition_folder
from marketplace.campaign import Window
from marketplace.feedback import Action, FeedbackEvent
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, Message
from marketplace.runtime.archive.files import LocalFiles
from marketplace.runtime.archive.parquet import read_end
from marketplace.runtime.log.embedded import EmbeddedLog
from marketplace.runtime.log.topics import platform_topics
from marketplace.serve import Serve, Viewer, Winner
from marketplace.wire import encode_event, encode_serve, encode_served_batch
from writer.batching import Limits
from writer.landings import FeedbackLanding, Landing, ServedLanding
from writer.loop import Writer

TEN_O_CLOCK_US = 1_790_848_800_000_000  # 2026-10-01 10:00 UTC
HOUR_US = 3_600_000_000
EAGER = Limits(max_records=10, max_age_s=0.0)


def serve(number: int, campaign_id: str = "c") -> Serve:
    """Returns a serve whose request id tells its number."""
    return Serve(
        request_id=f"00000000-0000-7000-8000-{number:012d}",
        served_at_us=TEN_O_CLOCK_US - 1_000_001,
        viewer=Viewer(user_id="u1", age=33, gender="F", income_bucket="M", city="Mumbai", device_type="iPhone"),
        winner=Winner(
            campaign_id=campaign_id,
            bid_cpm_nanos=41_025,
            category="Books",
            target_age_range="20-45",
            target_location="All, All, India",
            target_gender="All",
            target_income_bucket="All",
            target_device_type="All",
            window=Window(TEN_O_CLOCK_US - HOUR_US, TEN_O_CLOCK_US + HOUR_US),
        ),
        auction_cpm_nanos=7_500,
        auction_cpc_nanos=660_000,
        auction_cpa_nanos=20_000_000,
    )


def event(seq: int, campaign_id: str = "c") -> FeedbackEvent:
    """Returns a charged click."""
    return FeedbackEvent(
        event_seq=seq,
        action=Action.CLICK,
        view=1,
        click=1,
        acquisition=0,
        charged_nanos=660_000,
        uncharged_nanos=1,
        charged_at_us=TEN_O_CLOCK_US + seq,
        serve=serve(seq, campaign_id),
    )


class Desk:
    """A log, an archive folder and writers over them; `now_us` is the log's clock."""

    def __init__(self, folder: Path, partitions: int = 1) -> None:
        self.now_us = TEN_O_CLOCK_US
        counts = {USER_FEEDBACK: partitions, SERVED_ADS: partitions}
        topics = platform_topics(partitions=counts)
        self.log = EmbeddedLog(folder / "log.db", topics, 10.0, now_us=lambda: self.now_us)
        self.log.create_topics()
        self.publisher = self.log.publisher()
        (folder / "archive").mkdir(exist_ok=True)
        self.folder = folder / "archive"
        self.files = LocalFiles(self.folder)

    def publish(self, seqs: Iterable[int], campaign_id: str = "c") -> None:
        """Puts events on the topic, one message each."""
        messages = [Message(campaign_id.encode(), encode_event(event(seq, campaign_id))) for seq in seqs]
        self.publisher.publish(USER_FEEDBACK, messages)

    def publish_serves(self, batches: Sequence[Sequence[int]]) -> None:
        """Puts serves on the topic, one message per batch."""
        messages = [
            Message(None, encode_served_batch([encode_serve(serve(number)) for number in batch])) for batch in batches
        ]
        self.publisher.publish(SERVED_ADS, messages)

    def writer(
        self,
        topic: str = USER_FEEDBACK,
        limits: Limits = EAGER,
        files: LocalFiles | None = None,
        after_step: Callable[[int], None] = lambda _: None,
    ) -> Writer:
        """Returns a writer of one topic."""
        files = files or self.files
        landing: Landing = FeedbackLanding(files) if topic == USER_FEEDBACK else ServedLanding()
        return Writer(self.log, files, NoCatalog(), landing, limits, after_step=after_step)

    def land_all(self, topic: str = USER_FEEDBACK) -> None:
        """Runs a fresh writer until it has landed all that the topic holds."""
        writer = self.writer(topic)
        while self.end(topic) < sum(bounds.end for bounds in self.log.bounds(topic).values()):
            writer.step()

    def end(self, topic: str = USER_FEEDBACK) -> int:
        """Returns how many offsets of the topic the files cover, over all partitions."""
        return sum(max(ends) for ends in self.ranges(topic).values())

    def ranges(self, topic: str = USER_FEEDBACK) -> dict[int, list[int]]:
        """Returns each partition's chain of positions, and fails if it has a hole or an overlap."""
        chains: dict[int, list[int]] = {}
        paths = {FileName.parse(path): path for path in self.files.list(TABLE_OF_TOPIC[topic])}
        for name in sorted(paths, key=lambda name: (name.epoch, name.start)):
            chain = chains.setdefault(name.partition, [name.start])
            assert name.start == chain[-1], f"{paths[name]} does not start where the file before it ends"
            chain.append(read_end(self.files, paths[name]))
        return chains

    def aside(self) -> list[Path]:
        """Returns the files that were written aside and are still there."""
        return list(self.folder.rglob("_aside-*"))

    def seqs(self, campaign_id: str = "c") -> list[int]:
        """Returns the campaign's archived event numbers, sorted."""
        return sorted(row["event_seq"] for row in self.rows("user_feedback") if row["campaign_id"] == campaign_id)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Returns the table's rows, file by file."""
        rows: list[dict[str, object]] = []
        for path in self.files.list(table):
            with self.files.open(path) as source:
                rows += pq.ParquetFile(source).read().to_pylist()
        return rows


class NoCatalog:
    """A catalog that keeps what it was told."""

    def __init__(self) -> None:
        self.partitions: list[str] = []

    def add_partition(self, table: str, date: str, hour: str) -> None:
        self.partitions.append(partition_folder(table, date, hour))
