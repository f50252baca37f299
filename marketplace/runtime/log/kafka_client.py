"""How to reach a Kafka cluster, by URL: `kafka://[user:password@]host:port[,host:port]?security_protocol=SASL_SSL`."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.net.compat import KafkaNetClient

from marketplace.errors import FailedPrecondition
from marketplace.runtime.log.topics import LogUrlError, no_answer

T = TypeVar("T")

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_OPTIONS: Final = (
    "security_protocol",
    "sasl_mechanism",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_check_hostname",
)


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Where the brokers are and how to log in; `options` are kafka-python's own and hold secrets."""

    servers: tuple[str, ...]
    options: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "KafkaAddress":
        """Parses a URL; raises LogUrlError, whose text holds nothing of the URL but the names of its options.

        A user without `security_protocol` logs in by SASL_SSL, without `sasl_mechanism` by PLAIN.
        """
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        servers = tuple(hosts.split(","))
        if not all(_is_server(server) for server in servers):
            raise LogUrlError("LOG_URL names no brokers such as kafka://host:9092,otherhost:9092")
        options: dict[str, Any] = dict(parse_qsl(parts.query))
        if unknown := options.keys() - set(_OPTIONS):
            raise LogUrlError(f"LOG_URL has unknown options: {', '.join(sorted(unknown))}")
        if login:
            user, _, password = login.partition(":")
            options = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"} | options
            options |= {"sasl_plain_username": unquote(user), "sasl_plain_password": unquote(password)}
        if options.get("security_protocol", "PLAINTEXT") not in _PROTOCOLS:
            raise LogUrlError(f"LOG_URL: security_protocol is one of {', '.join(_PROTOCOLS)}")
        if "ssl_check_hostname" in options:
            options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() != "false"
        return cls(servers, options)


def open_client(make: Callable[..., T], address: KafkaAddress, timeout_s: float, **settings: Any) -> T:
    """Connects a KafkaProducer, KafkaConsumer or KafkaAdminClient; raises Unavailable after `timeout_s` seconds."""
    logging.getLogger("kafka.admin.client").setLevel(logging.INFO)  # on DEBUG it logs its settings, password and all
    opened: list[KafkaNetClient] = []

    def net_client(**config: Any) -> KafkaNetClient:
        opened.append(KafkaNetClient(**config))
        return opened[-1]

    try:
        with answering():
            return make(
                bootstrap_servers=list(address.servers),
                bootstrap_timeout_ms=milliseconds(timeout_s),
                reconnect_backoff_max_ms=1000,  # its default of 30 s would outlast the outage
                kafka_client=net_client,
                **address.options,
                **settings,
            )
    except BaseException:
        for client in opened:  # kafka-python leaves its thread and sockets behind when it cannot connect
            client.close()
        raise


@contextmanager
def answering() -> Iterator[None]:
    """Turns kafka-python's errors into the platform's."""
    try:
        yield
    except (OffsetOutOfRangeError, LogTruncationError) as problem:
        raise FailedPrecondition(f"the log does not hold the position to read from: {problem.args}") from problem
    except (KafkaError, OSError) as problem:
        raise no_answer(problem) from problem


def milliseconds(seconds: float) -> int:
    """Returns a time-out in kafka-python's unit, never below 0."""
    return max(0, round(seconds * 1000))


def _is_server(server: str) -> bool:
    host, _, port = server.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536
