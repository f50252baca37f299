"""The writer's loop: from topic records to published files, exactly once."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import structlog

from marketplace.archive_layout import (
    TABLE_OF_TOPIC,
    Epoch,
    FileName,
    date_and_hour,
    newest_files,
    partition_folder,
    read_epoch,
)
from marketplace.errors import Unavailable
from marketplace.ports import ArchiveCatalog, ArchiveFiles, Bounds, Consumer, Log, Record
from marketplace.runtime.archive.parquet import parquet_writer, read_end
from writer.batching import Batch, Lane, Limits
from writer.counts import LandingCounts
from writer.landings import Landing
from writer.position import check_bounds, start_position

GROUP: Final = "feedback-writer"
_POLL_RECORDS: Final = 5_000
_POLL_TIMEOUT_S: Final = 0.2
_LEFTOVER_AGE_S: Final = 600.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 15.0

log = structlog.get_logger()


class Writer:
    """Lands one topic in the archive, exactly once. Implements `ports.Assignment`.

    Commit order, with the same numbers in the code:
    1 poll; 2 drop events that the archive has, stop with an error on a gap; 3 write aside, durable; 4 make the Hive
    partition known; 5 publish by create-if-absent, and if the name is taken drop the batch and read the position again;
    6 commit the offset.

    Killed after any step, the next writer finds the position in the files: before 5 it reads the range again, after 5
    it reads on behind it. Every range gets a file, also one in which nothing was new (of no rows): so the names of a
    partition form a chain, and two writers that both believe it theirs meet at the same name, where one loses.

    A full disk, an archive or log that is away: the position is held and the step tried again.
    """

    def __init__(
        self,
        log: Log,
        files: ArchiveFiles,
        catalog: ArchiveCatalog,
        landing: Landing,
        limits: Limits,
        after_step: Callable[[int], None] = lambda _: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`after_step` is called with the number of each step done, for tests that kill the process there."""
        self._log = log
        self._files = files
        self._catalog = catalog
        self._landing = landing
        self._table = TABLE_OF_TOPIC[landing.topic]
        self._limits = limits
        self._after_step = after_step
        self._clock_s = clock_s
        self._consumer: Consumer | None = None
        self._lanes: dict[int, Lane] = {}
        self.counts = LandingCounts()

    @property
    def topic(self) -> str:
        """Returns the topic that it lands."""
        return self._landing.topic

    @property
    def positions(self) -> dict[int, int]:
        """Returns up to which offset each partition that is its own is archived; from any thread."""
        return {partition: lane.batch.start for partition, lane in list(self._lanes.items())}

    @property
    def waiting_s(self) -> float:
        """Returns how long the oldest record that was read has been on its topic unarchived; from any thread."""
        first = [records[0] for lane in list(self._lanes.values()) if (records := lane.batch.records)]
        return max((self.counts.age_s(record.time_us) for record in first), default=0.0)

    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        """Answers the positions that the archive's files say. Raises TopicRefused if the topic does not fit them."""
        epoch = read_epoch(self._files, self._table)
        names = self._files.list(self._table)
        newest = newest_files(names, self._landing.topic, epoch.number)
        positions = {}
        for partition, bounds in partitions.items():
            end = read_end(self._files, newest[partition]) if partition in newest else None
            positions[partition] = start_position(epoch, partition, end, committed.get(partition))
            if bounds.end < positions[partition]:  # someone else may have landed more since the bounds were read
                bounds = self._log.bounds(self._landing.topic)[partition]
            check_bounds(self._landing.topic, partition, positions[partition], bounds)
        self._landing.refresh(names)
        self._lanes |= {partition: Lane(epoch, Batch(position)) for partition, position in positions.items()}
        log.info("reading on", topic=self._landing.topic, epoch=epoch.number, positions=positions)
        return positions

    def revoked(self, partitions: Iterable[int]) -> None:
        """Drops what was read and not published: the next owner reads it again."""
        for partition in partitions:
            self._lanes.pop(partition, None)

    def run(self, stop: threading.Event) -> None:
        """Lands records until told to stop; then lands what it has, and leaves the group.

        Raises SequenceGap and TopicRefused, which a person has to mend.
        """
        try:
            failures = 0
            while not stop.is_set():
                failures = 0 if self._succeeds(self.step) else failures + 1
                if failures:
                    stop.wait(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, 10)))
            self._succeeds(self.flush)
        finally:
            self._leave()

    def step(self) -> None:
        """Polls once and lands what is due. Raises OSError and Unavailable; safe to repeat."""
        if not any(lane.waiting for lane in self._lanes.values()):
            self._poll()
            self._after_step(1)
        for partition in list(self._lanes):
            self._land_due(partition, lambda batch: batch.due(self._clock_s(), self._limits))

    def flush(self) -> None:
        """Lands everything that was polled. Raises OSError and Unavailable; safe to repeat."""
        for partition in list(self._lanes):
            self._land_due(partition, lambda batch: bool(batch.records))

    def _succeeds(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except (OSError, Unavailable) as problem:
            held = {partition: lane.batch.start for partition, lane in self._lanes.items()}
            self.counts.failures += 1
            log.error("cannot land, positions held", topic=self._landing.topic, positions=held, problem=str(problem))
            return False
        return True

    def _poll(self) -> None:  # 1
        try:
            if self._consumer is None:
                self._files.sweep(self._table, _LEFTOVER_AGE_S)
                self._consumer = self._log.consumer(self._landing.topic, GROUP, self)
            for record in self._consumer.poll(_POLL_RECORDS, _POLL_TIMEOUT_S):
                self._take(record)
        except (OSError, Unavailable):
            self._leave()  # what this poll has given must come again
            raise

    def _take(self, record: Record) -> None:
        lane = self._lanes.get(record.partition)
        if lane is None or record.offset < lane.read_to:
            return
        if record.offset > lane.read_to:  # legal where the log keeps marks of its own between records
            bounds = self._log.bounds(record.topic)[record.partition]
            check_bounds(record.topic, record.partition, lane.read_to, bounds)
        lane.waiting.append(record)

    def _land_due(self, partition: int, due: Callable[[Batch], bool]) -> None:
        while lane := self._lanes.get(partition):
            lane.fill(self._clock_s(), self._limits)
            if not lane.waiting and not due(lane.batch):
                return
            self._land(partition, lane)

    def _land(self, partition: int, lane: Lane) -> None:
        batch = lane.batch
        prepared = self._landing.prepare(batch.records)  # 2
        self._after_step(2)
        date, hour = date_and_hour(batch.time_us)
        name = FileName(self._landing.topic, lane.epoch.number, partition, batch.start)
        path = f"{partition_folder(self._table, date, hour)}/{name}"
        aside = self._files.write_aside(path, parquet_writer(prepared.rows, batch.end))  # 3
        self._after_step(3)
        try:
            self._catalog.add_partition(self._table, date, hour)  # 4
            self._after_step(4)
            published = self._is_current(lane.epoch) and self._files.publish(aside, path)  # 5
        except (OSError, Unavailable):
            with suppress(OSError):
                self._files.discard(aside)
            raise
        if not published:
            self._files.discard(aside)
            self._read_position_again(partition, path)
            return
        self._after_step(5)
        self._landing.landed(path, prepared)
        self.counts.landed(len(batch.records), prepared.rows.num_rows, batch.time_us)
        lane.batch = Batch(batch.end)
        self._commit(partition, batch.end)  # 6
        self._after_step(6)
        log.info("published", file=path, records=len(batch.records), rows=prepared.rows.num_rows)

    def _is_current(self, epoch: Epoch) -> bool:
        return read_epoch(self._files, self._table).number == epoch.number

    def _read_position_again(self, partition: int, path: str) -> None:
        log.warning("someone else has landed this range, reading the position again", file=path)
        bounds = self._log.bounds(self._landing.topic)[partition]
        position = self.assigned({partition: bounds}, {})[partition]
        if self._consumer:
            self._consumer.seek(partition, position)

    def _commit(self, partition: int, position: int) -> None:
        try:
            if self._consumer:
                self._consumer.commit({partition: position})
        except (OSError, Unavailable) as problem:  # the file says it too
            log.warning("offset not committed", topic=self._landing.topic, partition=partition, problem=str(problem))

    def _leave(self) -> None:
        """Leaves the group and lets go of everything that is not published."""
        consumer, self._consumer = self._consumer, None
        self._lanes.clear()
        if consumer:
            with suppress(OSError, Unavailable):
                consumer.close()
