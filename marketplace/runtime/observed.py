"""What an operator sees of a process: its figures, its traces, and the questions that it asks in the background."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import structlog

from marketplace.metrics import Figure, gauge
from marketplace.runtime.addresses import is_loopback
from marketplace.runtime.calls import Calls
from marketplace.runtime.probes import Probe
from marketplace.runtime.settings import BadSettingError, ObservedSettings

if TYPE_CHECKING:
    from marketplace.runtime.tracing import Tracer

T = TypeVar("T")

_LEAVE_S: Final = 1.0

log = structlog.get_logger()


@dataclass
class Observed:
    """What there is to see of one process. As a context it asks its probes and answers scrapes."""

    program: str
    settings: ObservedSettings
    figures: list[Figure] = field(default_factory=list)
    probes: list[Probe[Any]] = field(default_factory=list)
    calls: Calls = field(default_factory=Calls)
    tracer: "Tracer | None" = field(default=None, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False)

    def __post_init__(self) -> None:
        """Checks the settings; sends spans from now on, if anywhere. Raises BadSettingError."""
        address = self.settings.metrics_listen
        if address and not self.settings.insecure_metrics and not is_loopback(address):
            raise BadSettingError(
                f"METRICS_LISTEN: {address} may be reached from other machines, without TLS or asking who reads; "
                "with INSECURE_METRICS=yes that is as you want it"
            )
        if endpoint := self.settings.otel_exporter_otlp_endpoint:
            from marketplace.runtime.tracing import Tracer, otlp_exporter  # 0.1 s that is spent only on traces

            self.tracer = Tracer(self.program, self.settings.trace_ratio, otlp_exporter(endpoint))

    def ask(self, probe: Probe[T], if_watched: bool = False) -> Probe[T]:
        """Asks this too; `if_watched` says that nobody but a reader of the figures wants to know."""
        if self.settings.metrics_listen or not if_watched:
            self.probes.append(probe)
        return probe

    def notes(self) -> list[Callable[[Any], None]]:
        """Returns what must see the metadata of every call."""
        if not self.tracer:
            return []
        from marketplace.runtime.tracing import note_caller

        return [note_caller]

    def __enter__(self) -> Self:
        """Begins. Raises OSError where the endpoint's address is taken."""
        threads = [
            threading.Thread(target=probe.run, args=(self._stop,), name=f"probe-{probe.name}", daemon=True)
            for probe in self.probes
        ]
        for thread in threads:
            thread.start()
            # One that waits for an answer is left behind: it holds nothing that must be flushed.
            self._stack.callback(thread.join, _LEAVE_S / len(threads))
        if self.tracer:
            self._stack.callback(self.tracer.close)
        if address := self.settings.metrics_listen:
            from marketplace.runtime.metrics_endpoint import MetricsEndpoint  # not loaded unless it is used

            figures = [*self._own_figures(), *self.calls.figures(), *self.figures]
            self._stack.enter_context(MetricsEndpoint(address, figures))
            log.info("metrics", listen=address)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._stack.close()

    def _own_figures(self) -> list[Figure]:
        return [
            gauge(
                "adplatform_info",
                "1; its labels say which program of which version this is.",
                lambda: {(self.program, _version()): 1},
                *("program", "version"),
            ),
            gauge(
                "adplatform_probe_success",
                "1 while a dependency answers what this process asks it in the background, by question.",
                lambda: {(probe.name,): int(probe.answers) for probe in self.probes},
                "probe",
            ),
        ]


def _version() -> str:
    try:
        return version("adplatform")
    except PackageNotFoundError:
        return "unknown"
