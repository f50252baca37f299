"""What the tests of the log share: a consumer's side of the port that remembers, and ways to wait for records."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from marketplace.ports import Bounds, Consumer, Log, Message, Record

MakeLog = Callable[..., tuple[Log, str]]

WITHIN_S = 30.0


class Member:
    """An Assignment that reads on from `answer`, else from what was committed, else from the start."""

    def __init__(self, answer: Mapping[int, int] | None = None) -> None:
        self.answer = answer or {}
        self.told: list[tuple[dict[int, Bounds], dict[int, int]]] = []
        self.gone: list[int] = []

    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        self.told.append((dict(partitions), dict(committed)))
        return {number: self.answer.get(number, committed.get(number, at.start)) for number, at in partitions.items()}

    def revoked(self, partitions: Iterable[int]) -> None:
        self.gone += partitions


def messages(values: Iterable[int], key: bytes | None = b"key") -> list[Message]:
    return [Message(key, b"%d" % value) for value in values]


def values(records: Iterable[Record]) -> list[int]:
    return [int(record.value) for record in records]


def take(consumer: Consumer, count: int, max_records: int = 500) -> list[Record]:
    """Polls until `count` records have come; fails when they do not."""
    records: list[Record] = []
    deadline = time.monotonic() + WITHIN_S
    while len(records) < count:
        assert time.monotonic() < deadline, f"only {len(records)} of {count} records came"
        records += consumer.poll(min(max_records, count - len(records)), 0.5)
    return records


def read_all(log: Log, topic: str) -> dict[int, list[Record]]:
    return {number: list(log.read(topic, number, bounds)) for number, bounds in log.bounds(topic).items()}


@contextmanager
def process(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Runs a program of this folder; kills it at the end."""
    path = Path(__file__).with_name(program)
    child = subprocess.Popen([sys.executable, str(path), *arguments], stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def lines_until(stdout: IO[str], wanted: str) -> list[str]:
    """Reads a child's lines up to the one that begins with `wanted`; the test's own time limit bounds the wait."""
    lines: list[str] = []
    for line in stdout:
        lines.append(line.strip())
        if line.startswith(wanted):
            return lines
    raise AssertionError(f"the process ended before it said {wanted!r}: {lines[-5:]}")
