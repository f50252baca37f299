"""Servers that are not there, have too much to do or a defect: how long a client tries, and what then."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from adplatform.v1.ad_server_pb2_grpc import AdServerServicer, add_AdServerServicer_to_server
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerServicer, add_FeedbackHandlerServicer_to_server
from grpc_status import rpc_status
from programs import Outcome, Program, ended

from marketplace.errors import Overloaded
from marketplace.runtime.rpc_errors import status_of

COUNT: Final = 5
WAIT_S: Final = 1.0
ATTEMPTS: Final = 5  # that gRPC itself makes, of a call as of the opening of a stream
BUSY: Final = Overloaded(retry_after_s=WAIT_S)


@dataclass
class Scripted(AdServerServicer, FeedbackHandlerServicer):
    """Refuses the first `busy` streams and, of a stream that it takes, each request of the first `full`."""

    busy: int = 0
    full: int = 0
    broken: bool = False
    streams_at_s: list[float] = field(default_factory=list)
    calls: int = 0

    def StreamAds(self, requests: Any, context: Any) -> Iterator[ads_pb.StreamAdsResponse]:  # noqa: N802
        self.streams_at_s.append(time.monotonic())
        if self.broken:
            context.abort(grpc.StatusCode.INTERNAL, "internal error")
        if len(self.streams_at_s) <= self.busy:
            context.abort_with_status(rpc_status.to_status(status_of(BUSY)))
        for request in requests:
            if len(self.streams_at_s) <= self.busy + self.full:
                yield ads_pb.StreamAdsResponse(sequence=request.sequence, error=status_of(BUSY))
            else:
                yield ads_pb.StreamAdsResponse(sequence=request.sequence, response=ads_pb.ServeAdResponse())

    def SubmitFeedback(self, request: Any, context: Any) -> feedback_pb.SubmitFeedbackResponse:  # noqa: N802
        self.calls += 1
        context.abort_with_status(rpc_status.to_status(status_of(BUSY)))
        raise AssertionError("aborted")


Serve = Callable[[Scripted], dict[str, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a scripted server; returns the settings by which a client finds it."""
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])  # no port of another

    def start(script: Scripted) -> dict[str, str]:
        add_AdServerServicer_to_server(script, server)
        add_FeedbackHandlerServicer_to_server(script, server)
        address = f"localhost:{server.add_insecure_port('localhost:0')}"
        server.start()
        return {"AD_SERVER": address, "FEEDBACK_HANDLER": address, "COUNT": str(COUNT)}

    yield start
    server.stop(0).wait(5)


def the_refused(done: Outcome) -> tuple[str, str]:
    assert done.exit_code == 1, done.text
    (refused,) = done.all("refused")
    return refused["reason"], refused["then"]


@pytest.mark.parametrize("refused", [{"busy": ATTEMPTS}, {"full": 1}], ids=["the stream", "each request"])
def test_the_server_is_left_alone_as_long_as_it_asks(
    program: Program, serve: Serve, refused: dict[str, int], tmp_path: Path
) -> None:
    script = Scripted(**refused)
    done = program.run(serve(script), tmp_path / "output")
    assert done.exit_code == 0, done.text
    assert done.summary == {"answers": COUNT, "no_ads": COUNT}
    *_, before_s, last_s = script.streams_at_s
    assert len(script.streams_at_s) == 1 + sum(refused.values())
    assert last_s - before_s >= WAIT_S


def test_feedback_that_is_not_taken_is_kept_for_later(program: Program, serve: Serve, tmp_path: Path) -> None:
    script = Scripted()
    done = program.run({**serve(script), "RECEIPT": "AAAA", "ACTIONS": "CLICK"}, tmp_path / "output")
    assert the_refused(done) == ("OVERLOADED", "later")
    assert script.calls == ATTEMPTS


def test_a_defect_of_the_server_stops_the_client(program: Program, serve: Serve, tmp_path: Path) -> None:
    script = Scripted(broken=True)
    done = program.run(serve(script), tmp_path / "output")
    assert the_refused(done) == ("INTERNAL", "stop")
    assert len(script.streams_at_s) == 1


def test_who_waits_for_servers_that_are_not_there_has_a_deadline(
    programs: Mapping[str, Program], tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("localhost", 0))
        address = f"localhost:{nobody.getsockname()[1]}"
        settings = {"AD_SERVER": address, "FEEDBACK_HANDLER": address, "DEADLINE": "1"}
        running = []
        for name, program in programs.items():
            for what, more in {"ads": {}, "feedback": {"RECEIPT": "AAAA", "ACTIONS": "CLICK"}}.items():
                output = tmp_path / f"{name} {what}"
                running.append((output, program.start({**settings, **more}, output)))
        for output, process in running:
            reason, then = the_refused(ended(process, output))
            assert (reason in {"DEADLINE_EXCEEDED", "UNAVAILABLE"}, then) == (True, "later"), output
