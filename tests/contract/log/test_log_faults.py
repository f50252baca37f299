"""A publisher is killed, or the log does not answer: nothing is torn, and errors come within the deadline."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from log_members import MakeLog, Member, lines_until, messages, process, read_all, values
from publishing_process import BATCH

from marketplace.errors import Unavailable
from marketplace.ports import Log, Message
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import TopicSettings


@contextmanager
def unavailable_within(least_s: float, most_s: float) -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        yield
    assert least_s <= time.monotonic() - started < most_s


def test_a_publisher_killed_in_the_middle_loses_nothing_that_was_acknowledged(make_log: MakeLog, log_url: str) -> None:
    log, topic = make_log()
    with process("publishing_process.py", log_url, topic) as child:
        assert child.stdout is not None
        acknowledged = int(lines_until(child.stdout, f"{30 * BATCH}")[-1])
        os.kill(child.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().splitlines())])
    (records,) = read_all(log, topic).values()
    found = len(records)
    assert found >= acknowledged
    assert values(records) == list(range(found))
    if log_url.startswith("sqlite:"):
        assert found % BATCH == 0  # a call is one transaction
    publisher = log.publisher()
    publisher.publish(topic, messages(range(found, found + 5)))
    publisher.close()
    assert values(read_all(log, topic)[0]) == list(range(found + 5))


def test_embedded_calls_become_visible_as_a_whole(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/log.db", [TopicSettings(name="topic", partitions=2)])
    log.create_topics()

    def publish() -> None:
        publisher = log.publisher()
        for _ in range(40):
            publisher.publish("topic", [Message(b"%d" % (i % 9), b"x") for i in range(500)])
        publisher.close()

    thread = threading.Thread(target=publish)
    thread.start()
    seen: set[int] = set()
    while thread.is_alive():
        seen.add(sum(bounds.end for bounds in log.bounds("topic").values()))
    thread.join()
    assert len(seen) > 3
    assert all(total % 500 == 0 for total in seen)


def test_embedded_call_that_fails_in_its_middle_leaves_nothing(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/log.db", [TopicSettings(name="topic", partitions=2)])
    log.create_topics()
    publisher = log.publisher()
    unstorable: Any = [b"x"]  # has a length, as a value has, and yet is none
    half = [Message(b"%d" % key, b"x") for key in range(9)]
    with pytest.raises(sqlite3.Error):
        publisher.publish("topic", [*half, Message(b"9", unstorable)])
    publisher.publish("topic", half[:1])
    assert sum(len(records) for records in read_all(log, "topic").values()) == 1
    publisher.close()


def test_embedded_file_that_stays_locked_is_unavailable_within_the_deadline(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/log.db", [TopicSettings(name="topic")], timeout_s=0.5)
    log.create_topics()
    publisher = log.publisher()
    consumer = log.consumer("topic", "group", Member())
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with unavailable_within(0.5, 1.0):
        publisher.publish("topic", messages([1]))
    with unavailable_within(0.5, 1.0):
        consumer.commit({0: 0})
    with unavailable_within(0.5, 1.0):
        log.create_topics()
    assert consumer.poll(10, 0.1) == []  # reading needs no lock
    other.execute("ROLLBACK")
    publisher.publish("topic", messages([2]))
    assert values(consumer.poll(10, 1.0)) == [2]
    other.close()
    for opened in (publisher, consumer, log):
        opened.close()


@pytest.mark.parametrize("url", ["sqlite:////proc/no/log.db", "sqlite:////dev/null"])
def test_embedded_file_that_cannot_be_opened_is_unavailable(url: str) -> None:
    with unavailable_within(0.0, 0.5):
        open_log(url).create_topics()


CALLS: list[Callable[[Log], object]] = [
    lambda log: log.create_topics(),
    lambda log: log.bounds("topic"),
    lambda log: log.consumer("topic", "group", Member()),
    lambda log: log.publisher().publish("topic", messages([1])),
]


@pytest.mark.parametrize("call", CALLS, ids=["create", "bounds", "consumer", "publish"])
def test_kafka_that_is_not_there_is_unavailable_within_the_deadline(call: Callable[[Log], object]) -> None:
    log = open_log("kafka://127.0.0.1:1", timeout_s=1.0)
    threads = threading.active_count()
    with unavailable_within(0.3, 1.5):
        call(log)
    assert threading.active_count() == threads
