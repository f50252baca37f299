"""Kafka topics that lost what was acknowledged: the writer refuses and says why, `reconcile --republish` mends it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from campaigns import Advertiser
from half_archived import EVENTS, act, everything_lands, half_archived, republish
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from mesh import START_S, Backend, Mesh, Servers

from marketplace.ports import SERVED_ADS, USER_FEEDBACK
from marketplace.runtime.archive.positions import archive_positions
from reporting.reconcile_cli import reconcile
from stack.settled import wait_until

pytestmark = pytest.mark.mesh


@pytest.fixture
def mine(servers: Servers, tmp_path: Path) -> Iterator[Advertiser]:
    with half_archived(Mesh(tmp_path, Backend.on(servers, tmp_path), {})) as advertiser:
        yield advertiser


@pytest.fixture
def admin(servers: Servers) -> Iterator[Any]:
    with closing(KafkaAdminClient(bootstrap_servers=servers.kafka.url().removeprefix("kafka://"))) as client:
        yield client


def on_broker(mesh: Mesh, topic: str) -> str:
    """Returns the name that the topic has on the broker."""
    (prefix,) = parse_qs(urlsplit(mesh.environment["LOG_URL"]).query)["topic_prefix"]
    return prefix + topic


def loss_is_found(mesh: Mesh) -> None:
    found = reconcile(mesh.engine, mesh.topics, mesh.archive)
    assert not found.ok
    assert f"{EVENTS} events from {EVENTS + 1} on are neither archived nor" in found.findings[0]


def test_messages_that_retention_deleted_before_they_were_archived(mine: Advertiser, admin: Any) -> None:
    mesh = mine.mesh
    end = mesh.topics.bounds(USER_FEEDBACK)[0].end
    admin.delete_records({TopicPartition(on_broker(mesh, USER_FEEDBACK), 0): end})
    loss_is_found(mesh)

    republish(mesh)
    mesh.start("feedback-writer", "feedback-handler")
    everything_lands(mine, rounds=2)
    act(mine)
    everything_lands(mine, rounds=3)


def test_topics_made_anew(mine: Advertiser, admin: Any) -> None:
    mesh = mine.mesh
    names = [on_broker(mesh, topic) for topic in (USER_FEEDBACK, SERVED_ADS)]
    mesh.stop("adserver")
    admin.delete_topics(names)
    wait_until("topics gone", lambda: not set(names) & set(admin.list_topics()), START_S)
    mesh.topics.create_topics()

    mesh.supervisor.start(mesh.specs["feedback-writer"])
    mesh.running.append("feedback-writer")
    wait_until("refused", lambda: "the topic was emptied or made anew" in mesh.log("feedback-writer"), START_S)
    loss_is_found(mesh)

    republish(mesh)
    mesh.start("feedback-handler", "adserver")
    everything_lands(mine, rounds=2)
    served_before = archive_positions(mesh.archive.files, SERVED_ADS)
    act(mine)
    everything_lands(mine, rounds=3)
    wait_until("serves archived", lambda: archive_positions(mesh.archive.files, SERVED_ADS) != served_before, START_S)
