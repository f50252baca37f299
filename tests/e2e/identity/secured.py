"""A mesh that asks everyone who it is: certificates between processes, tokens from outside."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import grpc
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.campaign_manager_pb2_grpc import CampaignManagerStub
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from mesh import Backend, Mesh

from marketplace.api_token import StoredToken, digest_of, id_of, new_token
from marketplace.clock import system_clock
from marketplace.permissions import Role
from marketplace.runtime.channel import open_blocking_channel
from marketplace.runtime.credentials import Credentials
from marketplace.runtime.store.tokens import SqlTokens
from marketplace.runtime.tls import TlsFiles, WatchedTls
from stack.certs import issue
from stack.settled import wait_until
from stack.supervisor import ProcessSpec

CALL_S: Final = 10.0
KNOWN_S: Final = 5.0
"""Within so long every server knows of a new token, and of a revoked one."""

WITH_A_STORE: Final = ("ad-manager", "slot-manager", "feedback-handler", "adserver")
REFLECTION: Final = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def free_address() -> str:
    """Returns an address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Refusal(NamedTuple):
    """How a call is refused; `wait_s` is how long its caller is told to wait."""

    code: str
    text: str
    reason: str
    wait_s: float


@dataclass
class Secured:
    """The mesh, its certificates, and where callers from outside come in."""

    mesh: Mesh
    certs: Path
    public: dict[str, str]

    @classmethod
    def begin(cls, folder: Path, **settings: str) -> "Secured":
        """Starts every process; each has a second address that asks for no certificate."""
        certs = folder / "certs"
        issue(certs)
        secured = {"CERTS": str(certs), "AUTH": "tokens", "LOG_LEVEL": "DEBUG"}
        mesh = Mesh(folder, Backend.embedded(folder), secured | settings)
        public = {name: free_address() for name in mesh.specs}
        mesh.specs = {name: with_flags(spec, "--public-listen", public[name]) for name, spec in mesh.specs.items()}
        mesh.start()
        return cls(mesh, certs, public)

    def token(self, role: Role, account: str = "") -> str:
        """Makes a token and waits until every server knows it."""
        token = new_token()
        stored = StoredToken(
            token_id=id_of(token), digest=digest_of(token), role=role, account=account, created_us=system_clock()
        )
        SqlTokens(self.mesh.engine).add(stored)
        wait_until("token known", lambda: all(self.knows(token, name) for name in WITH_A_STORE), KNOWN_S)
        return token

    def knows(self, token: str, name: str) -> bool:
        """Tells whether a process takes a token."""
        with self.channel(name, token) as channel:
            return code_of(lambda: list(channel.stream_stream(REFLECTION)(iter(()), timeout=CALL_S))) == "OK"

    def credentials(self, token: str | None = None, certificate: str | None = None) -> Credentials:
        """Returns a caller's credentials: a service's certificate, or a token, or neither."""
        own = [self.certs / f"{certificate}{end}.pem" if certificate else None for end in ("", "-key")]
        return Credentials(WatchedTls(TlsFiles(*own, self.certs / "ca.pem")), token)

    def channel(self, name: str, token: str | None = None, certificate: str | None = None) -> grpc.Channel:
        """Opens a channel to a process: with a certificate where it asks for one, else where it does not."""
        address = self.mesh.specs[name].address if certificate else self.public[name]
        return open_blocking_channel(address, self.credentials(token, certificate), name)

    @contextmanager
    def manager(self, token: str) -> Iterator[CampaignManagerStub]:
        """Yields a client of the ad manager."""
        with self.channel("ad-manager", token) as channel:
            yield CampaignManagerStub(channel)

    @contextmanager
    def ads(self, token: str | None = None, certificate: str | None = None) -> Iterator[AdServerStub]:
        """Yields a client of the ad server."""
        with self.channel("adserver", token, certificate) as channel:
            yield AdServerStub(channel)


def run_here(main: Callable[[], None], program: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Runs a program in this process, which takes a tenth of the time; returns its exit code and all that it says."""
    said = StringIO()
    with (
        patch.dict(os.environ, environment),
        patch.object(sys, "argv", [program, *arguments]),
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), said.getvalue()
    return 0, said.getvalue()


def with_flags(spec: ProcessSpec, *flags: str) -> ProcessSpec:
    """Returns a specification with more on its command line."""
    return replace(spec, command=(*spec.command, *flags))


def code_of(call: Callable[[], Any]) -> str:
    """Makes a call; returns the name of the code that it ends with."""
    try:
        call()
    except grpc.RpcError as problem:
        return str(problem.code().name)
    return "OK"


def refused(call: Callable[[], Any]) -> Refusal | None:
    """Makes a call; returns how it was refused, None if it was not."""
    try:
        call()
    except grpc.RpcError as problem:
        status = rpc_status.from_call(problem)  # type: ignore[arg-type]
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in status.details if status else ():
            detail.Unpack(info)
            detail.Unpack(retry)
        return Refusal(
            problem.code().name, problem.details(), info.reason, retry.retry_delay.ToTimedelta().total_seconds()
        )
    return None


def refusal(call: Callable[[], Any]) -> Refusal:
    """Makes a call that must be refused; returns how it was."""
    found = refused(call)
    assert found is not None, "the call was not refused"
    return found


def new_campaign(campaign_id: str = "", account: str = "", command_id: str = "") -> pb.CreateCampaignRequest:
    """Returns a request for a campaign that is open now."""
    spec = pb.CampaignSpec(text="Mugs", category="Home", keywords="mug", budget_nanos=10**9, account=account)
    spec.cpc_nanos, spec.cpa_nanos = 10**6, 10**7
    spec.start_time.FromSeconds(int(time.time()) - 1)
    spec.end_time.FromSeconds(int(time.time()) + 3_600)
    return pb.CreateCampaignRequest(campaign_id=campaign_id, command_id=command_id, campaign=spec)


def await_campaign(manager: CampaignManagerStub, campaign_id: str) -> None:
    """Waits until a campaign is in the store."""
    request = pb.GetCampaignRequest(campaign_id=campaign_id)
    wait_until("campaign", lambda: code_of(lambda: manager.GetCampaign(request, timeout=CALL_S)) == "OK", CALL_S)


def median_seconds(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Makes calls in turn, so that whatever slows the machine slows each of them; returns how long each took."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times, strict=True):
            started_s = time.perf_counter()
            code_of(call)
            taken.append(time.perf_counter() - started_s)
    return [median(taken) for taken in times]
