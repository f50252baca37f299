"""Opens the log by its URL: `sqlite:///path/log.db` or `kafka://user:password@host:port?security_protocol=SASL_SSL`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from marketplace.ports import COMMANDS, SERVED_ADS, USER_FEEDBACK, Log
from marketplace.runtime.log.embedded import EmbeddedLog
from marketplace.runtime.log.prefixed import PrefixedLog
from marketplace.runtime.log.topics import LogUrlError, TopicSettings, platform_topics
from marketplace.runtime.settings import LogSettings

_FILE = "sqlite:///"


def open_log(log_url: str, topics: Sequence[TopicSettings] | None = None, timeout_s: float = 10.0) -> Log:
    """Opens the log whose calls give up after `timeout_s` seconds; `topics` is what create_topics creates.

    Raises LogUrlError, whose text never holds the password, and Unavailable for a file that cannot be opened. The
    brokers of a Kafka URL are not asked before the first call that needs them.
    """
    created = platform_topics() if topics is None else topics
    scheme = log_url.partition(":")[0]
    match scheme:
        case "sqlite":
            path = log_url.removeprefix(_FILE)
            if path == log_url or path in ("", ":memory:"):
                raise LogUrlError("LOG_URL names no file such as sqlite:///var/log.db: several processes share it")
            return EmbeddedLog(Path(path), created, timeout_s)
        case "kafka":
            from marketplace.runtime.log.kafka import KafkaLog  # 0.2 s that an embedded log never needs
            from marketplace.runtime.log.kafka_client import KafkaAddress

            address, prefix = _without_prefix(log_url)
            named = [replace(topic, name=prefix + topic.name) for topic in created]
            brokers = KafkaLog(KafkaAddress.of(address), named, timeout_s)
            return PrefixedLog(brokers, prefix) if prefix else brokers
        case _:
            raise LogUrlError("LOG_URL begins neither with sqlite: nor with kafka:")


def open_topics(settings: LogSettings) -> Log:
    """Opens the log that the settings name, and creates the platform's topics where they are missing."""
    partitions = {
        COMMANDS: settings.command_partitions,
        USER_FEEDBACK: settings.feedback_partitions,
        SERVED_ADS: settings.served_partitions,
    }
    topics = open_log(settings.log_url, platform_topics(partitions=partitions, replication=settings.topic_replication))
    topics.create_topics()
    return topics


def _without_prefix(url: str) -> tuple[str, str]:
    """Takes the option `topic_prefix` out of a URL; returns the rest and the prefix."""
    match = re.search(r"[?&]topic_prefix=([^&]*)", url)
    if not match:
        return url, ""
    prefix = match[1]
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", prefix):
        raise LogUrlError("LOG_URL: topic_prefix is made of at most 100 letters, digits and ._-")
    rest = url[: match.start()] + url[match.end() :]
    return (rest if "?" in rest else rest.replace("&", "?", 1)), prefix
