"""Defects of the writer."""

from collections.abc import Iterable, Mapping
from typing import Any

from defects import defect
from memory_archive import MemoryFiles

from marketplace.archive_layout import Epoch, newest_files, read_epoch
from marketplace.feedback import FeedbackEvent
from marketplace.ports import Bounds, Record
from writer import loop
from writer.batching import Batch, Lane
from writer.loop import Writer
from writer.position import check_bounds, start_position

_land = Writer._land


def _read_end() -> Any:
    return vars(loop)["read_end"]  # as the run has put it there


@defect("the offset is committed before the file has its name", "writer.loop.Writer._land")
def _commit_first(writer: Writer, partition: int, lane: Lane) -> None:
    writer._commit(partition, lane.batch.end)
    _land(writer, partition, lane)


@defect("a file is put in the place of the one that has its name", "memory_archive.MemoryFiles._publish")
def _replace(files: MemoryFiles, aside: str, name: str) -> bool:
    files.published[name] = files.aside.pop(aside)[1]
    return True


@defect("events are not held against what is archived", "writer.landings.keep_new")
def _keep_all(
    events: Iterable[tuple[Record, FeedbackEvent]], marks: Mapping[str, int]
) -> tuple[list[FeedbackEvent], dict[str, int]]:
    kept = [event for _, event in events]
    return kept, {event.serve.winner.campaign_id: event.event_seq for event in kept}


@defect("what a file holds is not remembered", "writer.landings.FeedbackLanding.landed")
def _forget(landing: Any, name: str, prepared: Any) -> None:
    landing._marks._read.add(name)


@defect("a gap is passed over", "writer.landings.keep_new", {"feedback.relay._order": lambda row: (row.topic, -row.id)})
def _skip_gaps(
    events: Iterable[tuple[Record, FeedbackEvent]], marks: Mapping[str, int]
) -> tuple[list[FeedbackEvent], dict[str, int]]:
    kept, reached = [], dict(marks)
    for _, event in events:
        campaign_id = event.serve.winner.campaign_id
        if event.event_seq > reached.get(campaign_id, 0):
            reached[campaign_id] = event.event_seq
            kept.append(event)
    return kept, reached


@defect("only the committed offset says where to read on", "writer.loop.start_position")
def _committed_only(epoch: Epoch, partition: int, archived_end: int | None, committed: int | None) -> int:
    return committed or 0


@defect("who loses a name goes on as if it had won", "writer.loop.Writer._read_position_again")
def _go_on(writer: Writer, partition: int, path: str) -> None:
    lane = writer._lanes[partition]
    lane.batch = Batch(lane.batch.end)


@defect("what a failed publish was about to write is dropped", "writer.loop.Writer._land")
def _drop(writer: Writer, partition: int, lane: Lane) -> None:
    try:
        _land(writer, partition, lane)
    except OSError:
        lane.batch = Batch(lane.batch.end)


@defect("the topic's end is not asked for again", "writer.loop.Writer.assigned")
def _stale_bounds(writer: Writer, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
    epoch = read_epoch(writer._files, writer._table)
    names = writer._files.list(writer._table)
    newest = newest_files(names, writer._landing.topic, epoch.number)
    positions = {}
    for partition, bounds in partitions.items():
        end = _read_end()(writer._files, newest[partition]) if partition in newest else None
        positions[partition] = start_position(epoch, partition, end, committed.get(partition))
        check_bounds(writer._landing.topic, partition, positions[partition], bounds)
    writer._landing.refresh(names)
    writer._lanes |= {partition: Lane(epoch, Batch(position)) for partition, position in positions.items()}
    return positions
