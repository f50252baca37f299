"""Puts virtual threads, time and light files in the place of what the services take from the outside."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import structlog
from memory_archive import Rows, rows_end, rows_marks, rows_writer
from world import Violation, World

import adserver.refresh
import feedback.queue
import marketplace.runtime.keys
import marketplace.runtime.store.transactions
import writer.landings
import writer.loop
import writer.marks


def silence() -> None:
    """Turns logging off, for the whole process."""
    structlog.configure(
        processors=[], wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=True
    )


def _unexpected(event: str, **_: Any) -> None:
    raise Violation(f"{event}: {sys.exc_info()[1]!r}")


@contextmanager
def seams(world: World, parquet: bool) -> Iterator[None]:
    """Redirects; with `parquet` the archive's files are real ones."""
    threads = SimpleNamespace(Event=world.event)
    levels = ("debug", "info", "warning", "error")
    strict = SimpleNamespace(**dict.fromkeys(levels, lambda *_, **__: None), exception=_unexpected)
    changes: list[tuple[Any, str, Any]] = [
        (feedback.queue, "threading", threads),
        (feedback.queue, "log", strict),
        (feedback.queue, "time", SimpleNamespace(monotonic=world.now_s)),
        (adserver.refresh, "threading", threads),
        (adserver.refresh, "gc", SimpleNamespace(collect=lambda: None, freeze=lambda: None)),
        (marketplace.runtime.keys, "load_keys", lambda mesh: list(mesh.keys)),
        (marketplace.runtime.keys, "_stamp", lambda mesh: len(mesh.keys)),
        (marketplace.runtime.store.transactions, "time", SimpleNamespace(sleep=world.sleep)),
    ]
    if not parquet:
        changes += [
            (writer.landings, "feedback_table", Rows),
            (writer.landings, "served_table", Rows),
            (writer.loop, "parquet_writer", rows_writer),
            (writer.loop, "read_end", rows_end),
            (writer.marks.Marks, "_marks_of", rows_marks),
        ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
