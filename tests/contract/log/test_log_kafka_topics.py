"""Topics on Kafka: how they are made, what other producers may write to them, and what a topic's own limits do."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaTimeoutError
from kafka.producer.sender import Sender
from log_members import MakeLog, Member, messages, read_all, take, values

from marketplace.errors import FailedPrecondition, InvalidArgument, Unavailable
from marketplace.ports import Bounds, Message
from marketplace.runtime.log.open import open_log

pytestmark = [pytest.mark.mesh, pytest.mark.parametrize("log_url", ["kafka"], indirect=True)]


@pytest.fixture
def admin(kafka_url: str) -> Iterator[Any]:
    with KafkaAdminClient(bootstrap_servers=kafka_url.removeprefix("kafka://")) as client:
        yield client


def configured(admin: Any, topic: str) -> dict[str, str]:
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {name: str(config["value"]) for name, config in described["topic"][topic].items()}


@pytest.mark.parametrize(("retention_s", "retention_ms"), [(None, "-1"), (60, "60000")])
def test_topics_take_the_broker_time_and_their_retention(
    make_log: MakeLog, admin: Any, retention_s: int | None, retention_ms: str
) -> None:
    _, topic = make_log(retention_s=retention_s)
    config = configured(admin, topic)
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert (config["retention.ms"], config["retention.bytes"]) == (retention_ms, "-1")


def test_what_a_plain_producer_writes_is_read(make_log: MakeLog, kafka_url: str) -> None:
    log, topic = make_log()
    producer = KafkaProducer(bootstrap_servers=kafka_url.removeprefix("kafka://"), enable_idempotence=False, acks=1)
    producer.send(topic, value=b'{"action": "New Campaign"}')
    producer.send(topic, key=b"deleted", value=None)
    producer.close(timeout=10)
    records = read_all(log, topic)[0]
    assert [(record.key, record.value) for record in records] == [
        (None, b'{"action": "New Campaign"}'),
        (b"deleted", b""),
    ]


def test_reading_starts_where_the_retention_has_left_off(make_log: MakeLog, admin: Any) -> None:
    log, topic = make_log()
    publisher = log.publisher()
    publisher.publish(topic, messages(range(20)))
    publisher.close()
    admin.delete_records({TopicPartition(topic, 0): 5})
    assert log.bounds(topic) == {0: Bounds(5, 20)}
    consumer = log.consumer(topic, topic, Member())
    assert values(take(consumer, 15)) == list(range(5, 20))
    consumer.seek(0, 4)
    with pytest.raises(FailedPrecondition):
        take(consumer, 1)
    consumer.close()
    with pytest.raises(FailedPrecondition):
        list(log.read(topic, 0, Bounds(4, 20)))


def test_a_message_that_the_broker_refuses_is_an_error_of_the_caller(log_url: str, admin: Any) -> None:
    topic = f"small-{uuid.uuid4().hex[:12]}"
    creation = {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "20000"}}
    admin.create_topics({topic: creation}, wait_for_metadata=True)
    log = open_log(log_url)
    publisher = log.publisher()
    refused = Message(b"key", b"x" * 500_000)
    with pytest.raises(InvalidArgument):
        publisher.publish(topic, [*messages(range(3)), refused, *messages(range(3, 9000))])
    assert values(read_all(log, topic)[0]) in ([], [0, 1, 2])
    publisher.publish(topic, messages(range(10)))
    assert values(read_all(log, topic)[0])[-10:] == list(range(10))
    publisher.close()


def test_nothing_is_sent_after_a_batch_that_the_producer_gives_up(
    make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = Sender._complete_batch
    given_up: list[Any] = []

    def first_expires(sender: Any, batch: Any, response: Any) -> None:
        """Its acknowledgement comes too late: the batch is failed as one is whose delivery time is over."""
        if given_up:
            complete(sender, batch, response)
        else:
            given_up.append(batch)
            sender._maybe_remove_from_inflight_batches(batch)
            batch.created = 0.0
            sender._complete_batch_with_exception(batch, KafkaTimeoutError("expired"))

    monkeypatch.setattr(Sender, "_complete_batch", first_expires)
    log, topic = make_log()
    publisher = log.publisher()
    with pytest.raises(Unavailable):
        publisher.publish(topic, messages(range(9000)))
    landed = values(read_all(log, topic)[0])
    assert landed == list(range(given_up[0].record_count))
    publisher.publish(topic, messages(range(9000)))
    assert values(read_all(log, topic)[0])[len(landed) :] == list(range(9000))
    publisher.close()
