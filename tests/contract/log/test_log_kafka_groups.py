"""Members of a group on Kafka come, go and fall asleep; every partition has one owner who reads on where it should."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from consuming_process import SESSION_S
from log_members import WITHIN_S, MakeLog, Member, messages, process

from marketplace.ports import Consumer, Log

pytestmark = [pytest.mark.mesh, pytest.mark.parametrize("log_url", ["kafka"], indirect=True)]
PARTITIONS = 2


class Watched:
    """A consuming process, and what it has said so far."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self.pid = child.pid
        self.lines: list[str] = []
        self._child = child
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._child.stdout or ():
            self.lines.append(line.strip())

    def until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not reached():
            assert time.monotonic() < deadline, self.lines[-10:]
            assert self._child.poll() is None, self.lines[-10:]
            time.sleep(0.02)

    def says(self, wanted: str) -> None:
        self.until(lambda: wanted in self.lines)

    def holds(self, count: int) -> None:
        """Waits until it was last assigned this many partitions."""
        self.until(lambda: len(([[]] + [line.split()[1:] for line in self.lines if line[0] == "a"])[-1]) == count)

    def records(self) -> list[tuple[int, int]]:
        spoken = [line.split() for line in self.lines if line.startswith("record")]
        return [(int(partition), int(offset)) for _, partition, offset in spoken]


def poll_until(consumer: Consumer, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not reached():
        assert time.monotonic() < deadline
        consumer.poll(10, 0.2)


def publish(log: Log, topic: str, start: int) -> None:
    publisher = log.publisher()
    for key in range(20):
        publisher.publish(topic, messages(range(start, start + 50), b"key-%d" % key))
    publisher.close()


def ends(log: Log, topic: str) -> set[tuple[int, int]]:
    """The last record of each partition."""
    return {(number, bounds.end - 1) for number, bounds in log.bounds(topic).items()}


def everything(log: Log, topic: str) -> set[tuple[int, int]]:
    return {(number, offset) for number, bounds in log.bounds(topic).items() for offset in range(bounds.end)}


def test_a_second_member_takes_over_in_the_middle_of_a_batch(make_log: MakeLog, log_url: str) -> None:
    log, topic = make_log(partitions=PARTITIONS)
    publish(log, topic, 0)
    with ExitStack() as stack:
        first = Watched(stack.enter_context(process("consuming_process.py", log_url, topic, topic)))
        first.until(lambda: len(first.records()) > 100)
        second = Watched(stack.enter_context(process("consuming_process.py", log_url, topic, topic)))
        second.holds(1)
        first.says("revoked 0 1")
        first.holds(1)
        publish(log, topic, 50)
        first.until(lambda: ends(log, topic) <= {*first.records(), *second.records()})
        assert {*first.records(), *second.records()} == everything(log, topic)
        os.kill(second.pid, signal.SIGTERM)  # it dies without a word, and its session runs out
        first.holds(PARTITIONS)
        publish(log, topic, 100)
        first.until(lambda: ends(log, topic) <= set(first.records()))


def test_a_member_that_slept_past_its_session_gives_its_partitions_up(make_log: MakeLog, log_url: str) -> None:
    log, topic = make_log(partitions=PARTITIONS)
    publish(log, topic, 0)
    with ExitStack() as stack:
        sleeper = Watched(stack.enter_context(process("consuming_process.py", log_url, topic, topic)))
        sleeper.until(lambda: ends(log, topic) <= set(sleeper.records()))
        os.kill(sleeper.pid, signal.SIGSTOP)
        other = Watched(stack.enter_context(process("consuming_process.py", log_url, topic, topic)))
        slept = time.monotonic()
        other.holds(PARTITIONS)
        assert time.monotonic() - slept > SESSION_S / 2
        publish(log, topic, 50)
        other.until(lambda: ends(log, topic) <= set(other.records()))
        os.kill(sleeper.pid, signal.SIGCONT)
        sleeper.says("revoked 0 1")
        sleeper.holds(1)
        other.holds(1)
        publish(log, topic, 100)
        sleeper.until(lambda: ends(log, topic) <= {*sleeper.records(), *other.records()})
        assert {*sleeper.records(), *other.records()} == everything(log, topic)


def test_a_member_that_closes_hands_over_at_once(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=PARTITIONS)
    first, second = Member(), Member()
    leaving = log.consumer(topic, topic, first)
    staying = log.consumer(topic, topic, second)
    poll_until(leaving, lambda: any(held for held, _ in first.told))
    leaving.close()
    assert sorted(first.gone) == [0, 1]
    started = time.monotonic()
    poll_until(staying, lambda: bool(second.told))
    assert time.monotonic() - started < SESSION_S / 2
    assert set(second.told[0][0]) == {0, 1}
    staying.close()
