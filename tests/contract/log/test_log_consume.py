"""What a consumer promises: it reads where its Assignment says, in order, and never jumps."""

import threading
import time
from pathlib import Path

import pytest
from log_members import MakeLog, Member, messages, take, values

from marketplace.errors import FailedPrecondition
from marketplace.ports import Bounds, Log, Message
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import TopicSettings


def publish(log: Log, topic: str, count: int) -> None:
    publisher = log.publisher()
    publisher.publish(topic, messages(range(count)))
    publisher.close()


def test_a_new_group_is_told_the_bounds_and_reads_everything(make_log: MakeLog) -> None:
    log, topic = make_log()
    publish(log, topic, 50)
    member = Member()
    consumer = log.consumer(topic, "group", member)
    started = time.monotonic()
    records = consumer.poll(20, 20.0)
    assert time.monotonic() - started < 5.0  # joining a group and reading is one poll, if that has the time
    records += take(consumer, 50 - len(records), max_records=20)
    assert values(records) == list(range(50))
    assert [record.offset for record in records] == list(range(50))
    assert member.told == [({0: Bounds(0, 50)}, {})]
    consumer.close()
    assert member.gone == [0]


def test_poll_gives_no_more_than_asked_and_nothing_after_its_time(make_log: MakeLog) -> None:
    log, topic = make_log()
    publish(log, topic, 30)
    consumer = log.consumer(topic, "group", Member())
    take(consumer, 23)
    assert len(consumer.poll(3, 5.0)) == 3
    take(consumer, 4)
    started = time.monotonic()
    assert consumer.poll(10, 0.4) == []
    assert 0.35 <= time.monotonic() - started < 1.5
    consumer.close()


def test_a_waiting_poll_returns_when_something_comes(make_log: MakeLog) -> None:
    log, topic = make_log()
    publish(log, topic, 1)
    consumer = log.consumer(topic, "group", Member())
    take(consumer, 1)
    late = threading.Timer(0.3, publish, (log, topic, 1))
    late.start()
    started = time.monotonic()
    assert len(consumer.poll(10, 20.0)) == 1
    assert time.monotonic() - started < 3.0
    late.join()
    consumer.close()


def test_committed_positions_are_told_to_the_next_member(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=2)
    publish(log, topic, 40)  # one key: the other partition stays empty and uncommitted
    first = log.consumer(topic, "group", Member())
    partition = take(first, 10)[0].partition
    first.commit({partition: 7})
    first.commit({partition: 10})
    first.close()
    member = Member()
    second = log.consumer(topic, "group", member)
    assert values(take(second, 30)) == list(range(10, 40))
    assert member.told == [({partition: Bounds(0, 40), 1 - partition: Bounds(0, 0)}, {partition: 10})]
    second.close()
    stranger = Member()
    other = log.consumer(topic, "other group", stranger)
    assert values(take(other, 40)) == list(range(40))
    assert stranger.told[0][1] == {}
    other.close()


def test_the_answer_of_the_assignment_wins_over_what_was_committed(make_log: MakeLog) -> None:
    log, topic = make_log()
    publish(log, topic, 40)
    first = log.consumer(topic, "group", Member())
    take(first, 20)
    first.commit({0: 20})
    first.close()
    second = log.consumer(topic, "group", Member({0: 33}))
    assert values(take(second, 7)) == list(range(33, 40))
    second.close()


def test_seek_reads_on_from_there(make_log: MakeLog) -> None:
    log, topic = make_log()
    publish(log, topic, 40)
    consumer = log.consumer(topic, "group", Member())
    take(consumer, 40)
    assert consumer.poll(10, 0.2) == []
    consumer.seek(0, 5)
    assert values(take(consumer, 3, max_records=3)) == [5, 6, 7]
    consumer.seek(0, 38)
    assert values(take(consumer, 2)) == [38, 39]
    consumer.close()


@pytest.mark.parametrize("by_seek", [False, True])
def test_a_position_that_the_log_does_not_hold_is_an_error(make_log: MakeLog, by_seek: bool) -> None:
    log, topic = make_log()
    publish(log, topic, 5)
    consumer = log.consumer(topic, "group", Member({} if by_seek else {0: 6}))
    if by_seek:
        take(consumer, 5)
        consumer.seek(0, 6)
    with pytest.raises(FailedPrecondition):
        take(consumer, 1)
    consumer.close()


def test_every_partition_has_its_turn(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=3)
    publisher = log.publisher()
    for number in range(20):
        publisher.publish(topic, messages(range(30), b"key-%d" % number))
    publisher.close()
    consumer = log.consumer(topic, "group", Member())
    records = take(consumer, 600, max_records=50)
    for partition, bounds in log.bounds(topic).items():
        offsets = [record.offset for record in records if record.partition == partition]
        assert offsets == list(range(bounds.end))
    consumer.close()


def test_embedded_members_hold_all_partitions_and_read_them_in_turn(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/log.db", [TopicSettings(name="topic", partitions=3)])
    log.create_topics()
    publisher = log.publisher()
    publisher.publish("topic", [Message(b"key-%d" % (i % 20), b"%d" % i) for i in range(600)])
    for consumer in (log.consumer("topic", "group", Member()), log.consumer("topic", "group", Member())):
        turns = [{record.partition for record in consumer.poll(50, 1.0)} for _ in range(4)]
        assert turns == [{0}, {1}, {2}, {0}]
        consumer.close()


def test_bounds_and_ranges(make_log: MakeLog) -> None:
    log, topic = make_log()
    assert log.bounds(topic) == {0: Bounds(0, 0)}
    publish(log, topic, 2500)
    assert log.bounds(topic) == {0: Bounds(0, 2500)}
    assert values(log.read(topic, 0, Bounds(3, 2203))) == list(range(3, 2203))
    assert list(log.read(topic, 0, Bounds(7, 7))) == []
    with pytest.raises(FailedPrecondition):
        list(log.read(topic, 0, Bounds(2000, 2501)))
