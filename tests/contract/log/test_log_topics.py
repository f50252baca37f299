"""Topics are created once, by whoever comes first; a log's URL is understood or refused, without its secrets."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from log_members import MakeLog, messages, read_all

from marketplace.errors import FailedPrecondition, Unavailable
from marketplace.ports import COMMANDS, REJECTED_COMMANDS, SERVED_ADS, USER_FEEDBACK, Bounds
from marketplace.runtime.log.embedded import EmbeddedLog
from marketplace.runtime.log.embedded_tables import TRIM_LIMIT
from marketplace.runtime.log.kafka_client import KafkaAddress
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import LogUrlError, TopicSettings, platform_topics

CREATE = """
import sys
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import TopicSettings
log = open_log(sys.argv[1], [TopicSettings(name=f"{sys.argv[2]}-{i}", partitions=2) for i in range(5)])
print("ready", flush=True)
sys.stdin.readline()
log.create_topics()
"""


def test_several_processes_create_the_same_topics(log_url: str) -> None:
    prefix = f"race-{uuid.uuid4().hex[:12]}"
    command = [sys.executable, "-c", CREATE, log_url, prefix]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(6)]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 6
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
    assert [child.returncode for child in children] == [0] * 6
    log = open_log(log_url)
    assert all(len(log.bounds(f"{prefix}-{number}")) == 2 for number in range(5))
    log.close()


def test_a_topic_that_exists_stays_as_it_is(make_log: MakeLog, log_url: str) -> None:
    log, topic = make_log(partitions=2)
    publisher = log.publisher()
    publisher.publish(topic, messages(range(10)))
    again = open_log(log_url, [TopicSettings(name=topic, partitions=5)])
    again.create_topics()
    assert len(again.bounds(topic)) == 2
    assert sorted(len(records) for records in read_all(again, topic).values()) == [0, 10]
    publisher.close()
    again.close()


def test_a_topic_that_nobody_created_is_unavailable(make_log: MakeLog) -> None:
    log, _ = make_log(timeout_s=2.0)
    publisher = log.publisher()
    with pytest.raises(Unavailable):
        log.bounds("nobody-created-this")
    with pytest.raises(Unavailable):
        publisher.publish("nobody-created-this", messages([1]))
    publisher.close()


def test_embedded_retention_moves_the_start(tmp_path: Path) -> None:
    now_s = [1000]
    topics = [TopicSettings(name="kept"), TopicSettings(name="short", retention_s=60)]
    log = EmbeddedLog(tmp_path / "log.db", topics, 5.0, lambda: now_s[0] * 1_000_000)
    log.create_topics()
    publisher = log.publisher()

    def publish(count: int) -> None:
        for topic in ("kept", "short"):
            publisher.publish(topic, messages(range(count)))

    publish(TRIM_LIMIT + 500)
    now_s[0] = 1060
    publish(1)
    assert log.bounds("short") == {0: Bounds(0, TRIM_LIMIT + 501)}
    now_s[0] = 1061
    publish(1)
    assert log.bounds("short") == {0: Bounds(TRIM_LIMIT, TRIM_LIMIT + 502)}
    publish(1)
    assert log.bounds("short") == {0: Bounds(TRIM_LIMIT + 500, TRIM_LIMIT + 503)}
    assert log.bounds("kept") == {0: Bounds(0, TRIM_LIMIT + 503)}
    with pytest.raises(FailedPrecondition):
        list(log.read("short", 0, Bounds(0, 5)))
    assert len(list(log.read("short", 0, log.bounds("short")[0]))) == 3


def test_the_platform_has_four_topics() -> None:
    topics = {topic.name: topic for topic in platform_topics(partitions={USER_FEEDBACK: 4}, replication=3)}
    assert set(topics) == {COMMANDS, REJECTED_COMMANDS, USER_FEEDBACK, SERVED_ADS}
    assert [topics[name].partitions for name in (COMMANDS, USER_FEEDBACK)] == [1, 4]
    assert [name for name, topic in topics.items() if topic.retention_s] == [SERVED_ADS]
    with pytest.raises(ValueError, match="no such topics"):
        platform_topics(partitions={"nonsense": 2})


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:geheim@host/db",
        "sqlite://log.db",
        "sqlite:///",
        "kafka://user:geheim@host",
        "kafka://user:geheim@host:99999",
        "kafka://user:geheim@host:9092?acks=1",
        "kafka://user:geheim@host:9092?security_protocol=geheim",
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(LogUrlError) as refused:
        open_log(url)
    assert "geheim" not in str(refused.value)


def test_a_kafka_url_names_brokers_login_and_tls() -> None:
    address = KafkaAddress.of("kafka://me:p%40ss@one:9092,two:9093?ssl_cafile=/ca.pem&ssl_check_hostname=false")
    assert address.servers == ("one:9092", "two:9093")
    assert address.options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": "p@ss",
        "ssl_cafile": "/ca.pem",
        "ssl_check_hostname": False,
    }
    assert "p@ss" not in repr(address)
    assert KafkaAddress.of("kafka://127.0.0.1:9092").options == {}
