"""The store goes away and comes back: who needs it says so, and says so no more when it is there again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from campaigns import CALL_S, CLICK, CPA, CPC, Advertiser
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mesh import START_S, MakeMesh, Mesh, allowed_s
from watching import SCRAPE_S, scrape

from stack.settled import wait_until

STALENESS_S: Final = 4
NEED_THE_STORE: Final = ("feedback-handler", "ad-manager", "slot-manager")
SERVICES: Final = {"adserver": "adplatform.v1.AdServer", "feedback-handler": "adplatform.v1.FeedbackHandler"}


@dataclass(frozen=True)
class Switch:
    """Takes the store away from the processes, and gives it back."""

    off: Callable[[], object]
    on: Callable[[], object]


@pytest.fixture(scope="module")
def mesh(make_mesh: MakeMesh) -> Mesh:
    running = make_mesh(MAX_STALENESS_SECONDS=str(STALENESS_S))
    if running.engine.dialect.name == "sqlite":  # a file is always there: the processes are made to think otherwise
        for name, spec in running.specs.items():
            python, _, *module = spec.command
            command = [python, str(Path(__file__).with_name("store_away.py")), str(running.folder / "away"), *module]
            running.specs[name] = replace(spec, command=command)
    running.start()
    return running


@pytest.fixture
def store(request: pytest.FixtureRequest, mesh: Mesh) -> Iterator[Switch]:
    if mesh.engine.dialect.name == "sqlite":
        flag = mesh.folder / "away"
        switch = Switch(flag.touch, lambda: flag.unlink(missing_ok=True))
    else:
        server = request.getfixturevalue("servers").mariadb
        switch = Switch(server.kill, server.start)
    yield switch
    switch.on()


def state(mesh: Mesh, name: str, service: str = "") -> str:
    """Asks a process for the health of a service of its, or of its own."""
    with grpc.insecure_channel(mesh.specs[name].address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=CALL_S)  # type: ignore[attr-defined]
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def await_state(mesh: Mesh, name: str, wanted: str, within_s: float) -> None:
    wait_until(f"{name} {wanted}", lambda: state(mesh, name) == wanted, within_s)
    if name in SERVICES:
        assert state(mesh, name, SERVICES[name]) == wanted
    assert scrape(mesh, name).sum("adplatform_serving") == (wanted == "SERVING")


@contextmanager
def refused(code: grpc.StatusCode) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as problem:
        yield
    assert problem.value.code() is code


def test_everyone_is_ready_to_begin_with(mesh: Mesh) -> None:
    for name in mesh.specs:
        await_state(mesh, name, "SERVING", START_S)


def test_readiness_follows_the_store(mesh: Mesh, store: Switch) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10 * CPA)
    ad = mine.serve_soon(allowed_s(1.0))
    request = ads_pb.ServeAdRequest(user_id="anyone", city=mine.city)

    store.off()
    gone_s = time.monotonic()
    with refused(grpc.StatusCode.UNAVAILABLE):
        mine.act(ad, CLICK)
    for name in NEED_THE_STORE:
        await_state(mesh, name, "NOT_SERVING", allowed_s(8.0))
    # what is asked for in the background is not told any more, and nobody waits for it
    asked_s = time.monotonic()
    told = scrape(mesh, "feedback-handler")
    assert time.monotonic() - asked_s < SCRAPE_S
    assert told.of("adplatform_probe_success", probe="store") == [0]
    wait_until("forgotten", lambda: not scrape(mesh, "feedback-handler").of("adplatform_outbox_rows"), START_S)

    if time.monotonic() - gone_s < STALENESS_S - 1:
        assert state(mesh, "adserver") == "SERVING", "it serves from memory"
        assert mesh.ads.ServeAd(request, timeout=CALL_S).ads
    await_state(mesh, "adserver", "NOT_SERVING", allowed_s(STALENESS_S + 2.0))
    assert time.monotonic() - gone_s > STALENESS_S - 1
    with refused(grpc.StatusCode.UNAVAILABLE):
        mesh.ads.ServeAd(request, timeout=CALL_S)
    assert state(mesh, "feedback-writer") == "SERVING"

    store.on()
    for name in mesh.specs:
        await_state(mesh, name, "SERVING", START_S)
    assert mine.serve_soon(allowed_s(1.0))
    answer = mine.act(ad, CLICK)
    assert (answer.repeat, answer.charged_nanos) == (False, CPC)
    assert mesh.supervisor.restarts == {}
    mesh.settle()
    mesh.reconciled()
