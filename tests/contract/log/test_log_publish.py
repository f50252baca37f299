"""What a publisher promises: order per key, dense offsets, the log's own clock, all or an error."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from log_members import MakeLog, messages, read_all, values

from marketplace.errors import InvalidArgument
from marketplace.ports import Message, Record
from marketplace.runtime.log.embedded import EmbeddedLog
from marketplace.runtime.log.topics import MAX_MESSAGE_BYTES, TopicSettings

KEYS = [b"campaign-%d" % number for number in range(7)]


def by_key(partitions: dict[int, list[Record]]) -> dict[bytes | None, list[Record]]:
    found: dict[bytes | None, list[Record]] = {}
    for records in partitions.values():
        assert [record.offset for record in records] == list(range(len(records)))
        assert [record.time_us for record in records] == sorted(record.time_us for record in records)
        for record in records:
            found.setdefault(record.key, []).append(record)
    return found


def test_messages_of_a_key_keep_their_order_and_offsets_are_dense(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=3)
    publisher = log.publisher()
    for start in range(0, 1000, 250):
        publisher.publish(topic, [Message(KEYS[i % 7], b"%d" % i) for i in range(start, start + 250)])
    publisher.close()
    found = by_key(read_all(log, topic))
    assert {key: values(records) for key, records in found.items()} == {
        key: list(range(number, 1000, 7)) for number, key in enumerate(KEYS)
    }
    assert all(len({record.partition for record in records}) == 1 for records in found.values())
    assert len({record.partition for records in found.values() for record in records}) > 1


def test_several_publishers_at_once_lose_nothing(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=2)

    def publish(number: int) -> None:
        publisher = log.publisher()
        for start in range(0, 300, 10):
            publisher.publish(topic, messages(range(start, start + 10), KEYS[number]))
        publisher.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(publish, range(4)))
    found = by_key(read_all(log, topic))
    assert {key: values(records) for key, records in found.items()} == {key: list(range(300)) for key in KEYS[:4]}


def test_one_publisher_is_shared_by_threads(make_log: MakeLog) -> None:
    log, topic = make_log()
    publisher = log.publisher()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda key: publisher.publish(topic, messages(range(50), key)), KEYS[:4]))
    publisher.close()
    found = by_key(read_all(log, topic))
    assert {key: values(records) for key, records in found.items()} == {key: list(range(50)) for key in KEYS[:4]}


def test_records_carry_the_time_of_the_log(make_log: MakeLog) -> None:
    log, topic = make_log()
    before_us = time.time_ns() // 1_000_000 * 1000
    publisher = log.publisher()
    publisher.publish(topic, messages([1]))
    publisher.close()
    ((record,),) = read_all(log, topic).values()
    assert before_us <= record.time_us <= time.time_ns() // 1000 + 1000


def test_large_batches_and_the_largest_message(make_log: MakeLog) -> None:
    log, topic = make_log()
    publisher = log.publisher()
    publisher.publish(topic, [])
    publisher.publish(topic, messages(range(25_000)))
    largest = Message(b"key", b"x" * (MAX_MESSAGE_BYTES - 3))
    publisher.publish(topic, [largest] * 10)
    publisher.close()
    (records,) = read_all(log, topic).values()
    assert values(records[:25_000]) == list(range(25_000))
    assert [record.value for record in records[25_000:]] == [largest.value] * 10


def test_a_message_that_is_too_large_sends_nothing(make_log: MakeLog) -> None:
    log, topic = make_log()
    publisher = log.publisher()
    with pytest.raises(InvalidArgument) as refused:
        publisher.publish(topic, [Message(None, b"small"), Message(b"key", b"x" * (MAX_MESSAGE_BYTES - 2))])
    publisher.close()
    assert refused.value.field == "value"
    assert read_all(log, topic) == {0: []}


def test_messages_without_a_key_are_taken(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=2)
    publisher = log.publisher()
    for start in range(0, 100, 10):
        publisher.publish(topic, messages(range(start, start + 10), key=None))
    publisher.close()
    assert sorted(values(by_key(read_all(log, topic))[None])) == list(range(100))


def test_embedded_time_never_steps_back(tmp_path: Path) -> None:
    clock = iter([5_000_000, 3_000_000, 7_000_000])
    log = EmbeddedLog(tmp_path / "log.db", [TopicSettings(name="topic")], 5.0, lambda: next(clock))
    log.create_topics()
    for value in range(3):
        log.publisher().publish("topic", messages([value]))
    (records,) = read_all(log, "topic").values()
    assert [record.time_us for record in records] == [5_000_000, 5_000_000, 7_000_000]
