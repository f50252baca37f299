"""A broker that goes away: every call ends within its deadline, and nothing is lost or overtaken."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from log_members import WITHIN_S, Member, messages, read_all, take, values

from marketplace.errors import Unavailable
from marketplace.ports import Log, Publisher
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import TopicSettings
from stack.local import Kafka

pytestmark = pytest.mark.mesh
TIMEOUT_S = 2.0


@pytest.fixture
def broker(kafka_server: Kafka) -> Kafka:
    return kafka_server


@pytest.fixture
def log(broker: Kafka, request: pytest.FixtureRequest) -> Log:
    log = open_log(broker.url(), [TopicSettings(name=request.node.name)], TIMEOUT_S)
    log.create_topics()
    return log


@contextmanager
def frozen(broker: Kafka) -> Iterator[None]:
    running = broker.running()
    assert running
    os.kill(running.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(running.pid, signal.SIGCONT)


def publish_until_taken(publisher: Publisher, topic: str, numbers: range, failed: threading.Event) -> None:
    """What every caller does: sends all again until it is acknowledged."""
    deadline = time.monotonic() + 2 * WITHIN_S
    while time.monotonic() < deadline:
        try:
            return publisher.publish(topic, messages(numbers))
        except Unavailable:
            failed.set()
    raise AssertionError("the broker is back, but does not take messages")


def first_seen(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def test_a_frozen_broker_holds_no_call_past_its_deadline(broker: Kafka, log: Log) -> None:
    topic = "test_a_frozen_broker_holds_no_call_past_its_deadline"
    publisher = log.publisher()
    member = Member()
    consumer = log.consumer(topic, "group", member)
    publisher.publish(topic, messages(range(5)))
    take(consumer, 5)
    member.answer = {0: 5}  # its session may run out meanwhile
    with frozen(broker):
        for numbers in (range(5, 2000), range(5, 2000)):
            started = time.monotonic()
            with pytest.raises(Unavailable):
                publisher.publish(topic, messages(numbers))
            assert time.monotonic() - started < TIMEOUT_S + 0.5
        for call in (lambda: log.bounds(topic), lambda: consumer.commit({0: 5}), log.create_topics):
            started = time.monotonic()
            with pytest.raises(Unavailable):
                call()
            assert time.monotonic() - started < TIMEOUT_S + 1.0
        with pytest.raises(Unavailable):  # an idle consumer notices, too
            take(consumer, 1)
    publish_until_taken(publisher, topic, range(5, 2000), threading.Event())
    assert first_seen(values(read_all(log, topic)[0])) == list(range(2000))
    assert first_seen(values(take(consumer, 1995))) == list(range(5, 2000))
    consumer.close()
    publisher.close()


def test_a_broker_killed_in_the_middle_of_publishing_loses_and_reorders_nothing(broker: Kafka, log: Log) -> None:
    topic = "test_a_broker_killed_in_the_middle_of_publishing_loses_and_reorders_nothing"
    publisher = log.publisher()
    failed, done = threading.Event(), threading.Event()

    def publish() -> None:
        for start in range(0, 30_000, 300):
            publish_until_taken(publisher, topic, range(start, start + 300), failed)
        done.set()

    threading.Thread(target=publish, daemon=True).start()
    deadline = time.monotonic() + WITHIN_S
    while log.bounds(topic)[0].end < 3000:
        assert time.monotonic() < deadline
    broker.kill()
    assert failed.wait(WITHIN_S)
    broker.start()
    assert done.wait(2 * WITHIN_S)
    publisher.close()
    assert first_seen(values(read_all(log, topic)[0])) == list(range(30_000))


def test_close_does_not_wait_for_a_broker_that_is_gone(broker: Kafka, log: Log) -> None:
    topic = "test_close_does_not_wait_for_a_broker_that_is_gone"
    threads = threading.active_count()
    publisher = log.publisher()
    consumer = log.consumer(topic, "group", Member())
    publisher.publish(topic, messages(range(5)))
    take(consumer, 5)
    with frozen(broker):
        with pytest.raises(Unavailable):
            publisher.publish(topic, messages(range(5, 50)))
        started = time.monotonic()
        publisher.close()
        with suppress(Unavailable):
            consumer.close()
        assert time.monotonic() - started < 12.0
    deadline = time.monotonic() + WITHIN_S
    while threading.active_count() > threads:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.1)
