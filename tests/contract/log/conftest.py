"""Every test of this folder that takes `make_log` runs twice: on the embedded log, and on a real Kafka broker."""

import itertools
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from log_members import MakeLog

from marketplace.ports import Log
from marketplace.runtime.log.open import open_log
from marketplace.runtime.log.topics import TopicSettings


@pytest.fixture
def kafka_url(request: pytest.FixtureRequest) -> str:
    """The broker of TEST_LOG_URL, or the tests' own."""
    return os.environ.get("TEST_LOG_URL") or str(request.getfixturevalue("kafka_server").url())


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.mesh)])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "kafka":
        return str(request.getfixturevalue("kafka_url"))
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture
def make_log(log_url: str) -> Iterator[MakeLog]:
    """Opens a log with one new topic in it; returns both."""
    logs: list[Log] = []
    numbers = itertools.count()
    name = f"test-{uuid.uuid4().hex[:12]}"

    def make(partitions: int = 1, timeout_s: float = 10.0, **topic: Any) -> tuple[Log, str]:
        settings = TopicSettings(name=f"{name}-{next(numbers)}", partitions=partitions, **topic)
        logs.append(open_log(log_url, [settings], timeout_s))
        logs[-1].create_topics()
        return logs[-1], settings.name

    yield make
    for log in logs:
        log.close()
