"""Commands that other programs write to Kafka: a plain producer, JSON with numbers or strings, ranges of every form."""

import json
import uuid
from contextlib import closing
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from campaigns import command_fields
from kafka import KafkaProducer
from mesh import Backend, MakeBackend, MakeMesh, Servers
from sqlalchemy import select

from marketplace.ports import COMMANDS
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading

pytestmark = pytest.mark.mesh
ACKNOWLEDGED_S: Final = 10.0


@pytest.fixture(scope="module")
def make_backend(servers: Servers) -> MakeBackend:
    return partial(Backend.on, servers)


def forms(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns one campaign's command in the forms that producers write: all of them mean the same."""
    ranges = {name: value for name, value in fields.items() if name.endswith("_range")}
    return [
        fields,
        fields | {"cpc": 0.001, "cpa": 0.04, "budget": 100},
        fields | {"cpc": 1e-3, "budget": 100.0},
        fields | {name: json.dumps(value) for name, value in ranges.items()},
        fields | {name: repr(value) for name, value in ranges.items()},
        fields | {"target_age_range": {"start": 0, "end": 0}},
    ]


def test_every_form_makes_the_same_campaign(make_mesh: MakeMesh, servers: Servers) -> None:
    mesh = make_mesh()
    mesh.start("ad-manager")
    (prefix,) = parse_qs(urlsplit(mesh.environment["LOG_URL"]).query)["topic_prefix"]
    campaign_ids = []
    with closing(KafkaProducer(bootstrap_servers=servers.kafka.url().removeprefix("kafka://"))) as producer:
        for fields in forms(command_fields("to be named", target_city="Pune")):
            campaign_ids.append(str(uuid.uuid4()))
            value = json.dumps(fields | {"campaign_id": campaign_ids[-1]}).encode()
            producer.send(prefix + COMMANDS, value).get(ACKNOWLEDGED_S)
    mesh.settle_commands()
    with reading(mesh.engine) as connection:
        names = ("cpc_nanos", "cpa_nanos", "budget_nanos", "target_age_start", "target_age_end", "start_us", "end_us")
        made = connection.execute(
            select(*(ads.c[name] for name in names)).where(ads.c.campaign_id.in_(campaign_ids))
        ).all()
    assert len(made) == len(campaign_ids)
    assert len({tuple(row) for row in made}) == 1
    assert made[0][:5] == (1_000_000, 40_000_000, 100 * 10**9, 0, 0)
