"""The Prometheus endpoint over HTTP: what it tells, and that nobody can hold it up."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from marketplace.metrics import counter
from marketplace.runtime import metrics_endpoint
from marketplace.runtime.metrics_endpoint import MetricsEndpoint
from marketplace.runtime.observed import Observed
from marketplace.runtime.settings import BadSettingError, ObservedSettings

SCRAPE_S = 5.0


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    with MetricsEndpoint("127.0.0.1:0", [counter("adplatform_things_total", "Things.", lambda: 3)]) as running:
        yield running


def scrape(endpoint: MetricsEndpoint, path: str = "/metrics", host: str = "127.0.0.1") -> str:
    with urllib.request.urlopen(f"http://{host}:{endpoint.port}{path}", timeout=SCRAPE_S) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return str(answer.read().decode())


def test_it_tells_the_figures_and_the_process(endpoint: MetricsEndpoint) -> None:
    told = scrape(endpoint)
    assert "adplatform_things_total 3.0" in told
    assert "process_resident_memory_bytes" in told


def test_it_listens_on_ipv6_too() -> None:
    with MetricsEndpoint("[::1]:0", []) as running:
        assert "process_cpu_seconds_total" in scrape(running, host="[::1]")


def test_it_takes_no_more_than_a_few_at_once_and_none_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_endpoint._Handler, "timeout", 1.0)
    with MetricsEndpoint("127.0.0.1:0", []) as running, ExitStack() as connections:
        for _ in range(4):
            connections.enter_context(socket.create_connection(("127.0.0.1", running.port), SCRAPE_S))
        deadline = time.monotonic() + SCRAPE_S
        refused = answered = False
        while not answered:
            assert time.monotonic() < deadline, "silent connections hold the endpoint"
            try:
                scrape(running)
                answered = True
            except OSError:
                refused = True  # at once: its threads wait for the four
        assert refused


def test_an_address_that_is_taken_is_told(endpoint: MetricsEndpoint) -> None:
    with pytest.raises(OSError, match="in use"):
        MetricsEndpoint(f"127.0.0.1:{endpoint.port}", [])


@pytest.mark.parametrize("address", ["0.0.0.0:9101", "[::]:9101", "10.0.0.5:9101", "metrics.example:9101"])
def test_it_is_not_reached_from_elsewhere_unless_told(address: str) -> None:
    with pytest.raises(BadSettingError, match="INSECURE_METRICS"):
        Observed("adserver", ObservedSettings(metrics_listen=address))
    assert Observed("adserver", ObservedSettings(metrics_listen=address, insecure_metrics=True))


def test_it_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MetricsEndpoint, "__init__", lambda *_: pytest.fail("it listens"))
    with Observed("adserver", ObservedSettings()) as observed:
        assert observed.tracer is None
        assert observed.notes() == []
