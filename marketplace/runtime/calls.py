"""How calls end and how long they take, by method."""

from collections.abc import Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Final

from marketplace.errors import InvalidArgument
from marketplace.metrics import CALL_SECONDS, Figure, Histogram, counter, histogram

OK: Final = ("OK", "")


class MethodCalls:
    """The calls of one method. On a stream each request is a call. Counted on the event loop only."""

    __slots__ = ("failures", "seconds")

    def __init__(self) -> None:
        self.seconds = Histogram(CALL_SECONDS)
        self.failures: dict[tuple[str, str], int] = {}

    def answered(self, started_s: float) -> None:
        """Counts a call that began at an instant of `perf_counter` and has its answer now."""
        self.seconds.observe(perf_counter() - started_s)

    def failed(self, started_s: float, code: str, reason: str) -> None:
        """Counts a call that ends with a status other than OK; `reason` is one of the few in its details."""
        self.seconds.observe(perf_counter() - started_s)
        self.failures[code, reason] = self.failures.get((code, reason), 0) + 1

    def ends(self) -> Mapping[tuple[str, str], int]:
        """Returns how many calls ended in which way, by code and reason."""
        failures = dict(self.failures)
        return {OK: max(0, self.seconds.count - sum(failures.values())), **failures}


of_stream: Final[ContextVar[MethodCalls]] = ContextVar("calls_of_stream")
"""Where the messages of the stream at hand are counted."""


def readable(request: Any) -> Any:
    """Returns a request as its method takes it. Raises InvalidArgument where the bytes were none."""
    if isinstance(request, InvalidArgument):
        raise request
    return request


class Calls:
    """The calls of a process, by method."""

    def __init__(self) -> None:
        self._methods: dict[str, MethodCalls] = {}

    def of(self, method: str) -> MethodCalls:
        """Returns the calls of a method, named as gRPC does: `/package.Service/Method`."""
        return self._methods.setdefault(method.removeprefix("/"), MethodCalls())

    def figures(self) -> list[Figure]:
        """Returns what there is to export."""
        return [
            counter(
                "adplatform_rpc_requests_total",
                "Calls answered, by method, gRPC code and the reason in the status details; each request of a stream.",
                lambda: {
                    (method, *end): count
                    for method, calls in dict(self._methods).items()
                    for end, count in calls.ends().items()
                },
                *("method", "code", "reason"),
            ),
            histogram(
                "adplatform_rpc_duration_seconds",
                "Time from a decoded request to its answer, by method.",
                lambda: {(method,): calls.seconds for method, calls in dict(self._methods).items()},
                "method",
            ),
        ]
