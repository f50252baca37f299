"""Headers: what a message says beside its value comes out as it went in, and a log of an earlier version takes them."""

import sqlite3
from pathlib import Path

import pytest
from log_members import MakeLog, Member, messages, read_all, take

from marketplace.errors import InvalidArgument
from marketplace.ports import Message
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import MAX_MESSAGE_BYTES, TopicSettings

HEADERS = (("traceparent", b"00-0199-b7ad-01"), ("empty", b""), ("twice", b"\x00\xff"), ("twice", b"2"))


def test_headers_come_out_as_they_went_in(make_log: MakeLog) -> None:
    log, topic = make_log()
    publisher = log.publisher()
    publisher.publish(topic, [Message(b"key", b"1", HEADERS), Message(b"key", b"2")])
    publisher.close()
    (records,) = read_all(log, topic).values()
    assert [record.headers for record in records] == [HEADERS, ()]
    consumer = log.consumer(topic, topic, Member())
    assert [record.headers for record in take(consumer, 2)] == [HEADERS, ()]
    consumer.close()


def test_headers_count_as_part_of_the_message(make_log: MakeLog) -> None:
    log, topic = make_log()
    publisher = log.publisher()
    with pytest.raises(InvalidArgument):
        publisher.publish(topic, [Message(None, b"x" * (MAX_MESSAGE_BYTES - 5), (("name", b"12"),))])
    publisher.publish(topic, [Message(None, b"x" * (MAX_MESSAGE_BYTES - 6), (("name", b"12"),))])
    publisher.close()
    (records,) = read_all(log, topic).values()
    assert [record.headers for record in records] == [(("name", b"12"),)]


def test_an_embedded_log_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_log(f"sqlite:///{path}", [TopicSettings(name="topic")])
    log.create_topics()
    log.publisher().publish("topic", messages([1]))
    log.close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE records DROP COLUMN headers")

    log = open_log(f"sqlite:///{path}", [TopicSettings(name="topic")])
    log.create_topics()
    log.publisher().publish("topic", [Message(b"key", b"2", HEADERS)])
    (records,) = read_all(log, "topic").values()
    assert [(record.value, record.headers) for record in records] == [(b"1", ()), (b"2", HEADERS)]
    log.close()
