"""Opens the log by its URL: `sqlite:///path/log.db` or `kafka://user:password@host:port?security_protocol=SASL_SSL`."""

from collections.abc import Sequence
from pathlib import Path

from marketplace.ports import Log
from marketplace.runtime.log.embedded import EmbeddedLog
from marketplace.runtime.log.topics import LogUrlError, TopicSettings, platform_topics

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

            return KafkaLog(KafkaAddress.of(log_url), created, timeout_s)
        case _:
            raise LogUrlError("LOG_URL begins neither with sqlite: nor with kafka:")
