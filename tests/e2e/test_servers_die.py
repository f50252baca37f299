"""Under load each server that we depend on is killed (SIGKILL) and started again: nothing is lost or twice."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from mesh import Backend, MakeBackend, Mesh, Servers
from traffic import Traffic

from marketplace.runtime.store.schema import outbox
from marketplace.runtime.store.transactions import reading

CALL_S = 5.0


@pytest.fixture(scope="module")
def make_backend(servers: Servers) -> MakeBackend:
    return partial(Backend.on, servers)


def test_without_the_broker_feedback_is_charged_and_waits_in_the_outbox(
    busy: Mesh, traffic: Traffic, servers: Servers
) -> None:
    servers.kafka.kill()
    traffic.goes_on()
    assert waiting(busy) > 0
    servers.kafka.start()
    traffic.goes_on()


def test_without_the_database_ads_are_served_from_memory(busy: Mesh, traffic: Traffic, servers: Servers) -> None:
    servers.mariadb.kill()
    assert busy.ads.ServeAd(ads_pb.ServeAdRequest(user_id="anyone"), timeout=CALL_S).ads
    servers.mariadb.start()
    traffic.goes_on()
    busy.reconciled()


def test_without_hive_feedback_is_charged_and_archived_later(busy: Mesh, traffic: Traffic, servers: Servers) -> None:
    servers.hive.kill()
    traffic.goes_on()
    servers.hive.start()
    traffic.goes_on()
    busy.reconciled()


def test_all_are_killed_at_once(busy: Mesh, traffic: Traffic, servers: Servers) -> None:
    every = (servers.kafka, servers.mariadb, servers.hive)
    for server in every:
        server.kill()
    with ThreadPoolExecutor(len(every)) as pool:
        list(pool.map(lambda server: server.start(), every))
    traffic.goes_on()
    busy.reconciled()


def waiting(mesh: Mesh) -> int:
    """Counts the events that wait for the broker."""
    with reading(mesh.engine) as connection:
        return len(connection.execute(outbox.select()).all())
