"""The Prometheus endpoint of a process: reads its figures when it is asked, over plain HTTP."""

import socket
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from marketplace.metrics import Figure, Histogram, Kind, Value, Values

_MAX_SCRAPES: Final = 4
_SCRAPE_S: Final = 10.0
_POLL_S: Final = 0.2

log = structlog.get_logger()


class FigureCollector:
    """A collector of prometheus_client over figures. One that cannot be read is left out, and the others are not."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yields every figure's family, without samples where there is nothing to tell."""
        for figure in self._figures:
            yield _family(figure, self._values(figure))

    def _values(self, figure: Figure) -> Iterable[tuple[tuple[str, ...], Value]]:
        try:
            values: Values = figure.read()
        except Exception:
            log.exception("a figure cannot be read", figure=figure.name)
            return ()
        if values is None:
            return ()
        return values.items() if isinstance(values, Mapping) else [((), values)]


def _family(figure: Figure, values: Iterable[tuple[tuple[str, ...], Value]]) -> Metric:
    name, text, labels = figure.name, figure.help, figure.labels
    if figure.kind is Kind.HISTOGRAM:
        spread = HistogramMetricFamily(name, text, labels=labels)
        for label_values, value in values:
            if isinstance(value, Histogram):
                spread.add_metric(label_values, _buckets(value), value.total)
        return spread
    family = (CounterMetricFamily if figure.kind is Kind.COUNTER else GaugeMetricFamily)(name, text, labels=labels)
    for label_values, value in values:
        if not isinstance(value, Histogram):
            family.add_metric(label_values, value)
    return family


def _buckets(spread: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(floatToGoString, spread.bounds), "+Inf"]
    return list(zip(bounds, accumulate(spread.counts), strict=True))


class MetricsEndpoint:
    """Answers scrapes in threads of its own, at most four at a time, none for longer than its time-out."""

    def __init__(self, address: str, figures: Sequence[Figure]) -> None:
        """Listens. Raises OSError where the address is taken."""
        host, _, port = address.rpartition(":")
        registry = CollectorRegistry()
        registry.register(FigureCollector(figures))
        ProcessCollector(registry=registry)
        server = _V6Server if ":" in host else _Server
        self._server = make_server(host.strip("[]"), int(port), make_wsgi_app(registry), server, _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """Returns the port that it listens on."""
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(WSGIRequestHandler):
    timeout = _SCRAPE_S

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing of each scrape."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._room = threading.BoundedSemaphore(_MAX_SCRAPES)
        super().__init__(*arguments)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the resolver for our name, for as long as that takes
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was to be had
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a scrape was broken off", cause=repr(sys.exc_info()[1]))


class _V6Server(_Server):
    address_family = socket.AF_INET6
