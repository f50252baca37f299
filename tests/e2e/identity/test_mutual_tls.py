"""TLS between processes: who is let in, what is refused to start, and new certificates without a break."""

import asyncio
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from cryptography import x509
from mesh import START_S
from secured import CALL_S, Secured, code_of, free_address, with_flags

from marketplace.runtime.channel import open_blocking_channel, open_channel
from marketplace.runtime.credentials import Credentials
from marketplace.runtime.tls import TlsFiles, WatchedTls
from stack.certs import certificate_environment, issue
from stack.settled import wait_until
from stack.supervisor import is_serving

REQUEST: Final = pb.ServeAdRequest(user_id="u")


def serial_of(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def serial_shown(secured: Secured, address: str) -> int:
    """Connects anew; returns the serial number of the certificate that the server shows."""
    context = ssl.create_default_context(cafile=str(secured.certs / "ca.pem"))
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(secured.certs / "operator.pem", secured.certs / "operator-key.pem")
    host, _, port = address.partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=CALL_S) as connection,
        context.wrap_socket(connection, server_hostname="adserver") as shown,
    ):
        der = shown.getpeercert(binary_form=True)
    assert der
    return x509.load_der_x509_certificate(der).serial_number


def test_between_processes_only_certificates_of_the_authority_count(secured: Secured, tmp_path: Path) -> None:
    issue(tmp_path)
    strangers = TlsFiles(tmp_path / "operator.pem", tmp_path / "operator-key.pem", secured.certs / "ca.pem")
    nobody = TlsFiles(None, None, secured.certs / "ca.pem")
    for name, spec in secured.mesh.specs.items():
        assert is_serving(spec.address, spec.credentials)
        for credentials in (Credentials(), Credentials(WatchedTls(nobody)), Credentials(WatchedTls(strangers))):
            assert not is_serving(spec.address, credentials), name


def test_outside_no_certificate_is_asked_for_but_no_call_goes_in_clear(secured: Secured) -> None:
    for name in secured.mesh.specs:
        assert is_serving(secured.public[name], secured.credentials())
        assert not is_serving(secured.public[name])


def test_new_certificates_on_both_sides_and_no_call_fails(secured: Secured) -> None:
    address, stop, ends = secured.mesh.specs["adserver"].address, threading.Event(), []

    async def ask() -> None:
        async with open_channel(address, secured.credentials(certificate="simulator"), "adserver") as channel:
            stub = AdServerStub(channel)
            stream = stub.StreamAds(timeout=60)
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    await stub.ServeAd(REQUEST, timeout=CALL_S)
                    await stream.write(pb.StreamAdsRequest(sequence=number, request=REQUEST))
                    ends.append("OK" if (await stream.read()).sequence == number else "LOST")
                except grpc.aio.AioRpcError as problem:
                    ends.append(problem.code().name)
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    try:
        shown = set()
        for _ in range(3):
            issue(secured.certs, renew=True)
            new = serial_of(secured.certs / "adserver.pem")
            wait_until("the new one is shown", lambda new=new: serial_shown(secured, address) == new, CALL_S)  # type: ignore[misc]
            shown.add(new)
            before = len(ends)
            wait_until("calls go on", lambda before=before: len(ends) > before + 20, CALL_S)  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(CALL_S)
    assert len(shown) == 3
    assert set(ends) == {"OK"}
    assert all(is_serving(spec.address, spec.credentials) for spec in secured.mesh.specs.values())


ALL: Final = ("adserver", "feedback", "admanager", "admanager.slot_manager", "writer")


@pytest.mark.parametrize(
    ("modules", "settings", "told"),
    [
        (ALL, {}, "without TLS"),
        (ALL[:1], {"AUTH": "tokens"}, "without TLS"),
        (ALL[:1], {"TLS_CERT": "adserver.pem", "TLS_KEY": "adserver-key.pem"}, "without asking who calls"),
    ],
)
def test_a_process_refuses_to_listen_beyond_loopback(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...], settings: dict[str, str], told: str
) -> None:
    mesh = secured.mesh
    given = {name: f"{secured.certs}/{value}" if name.startswith("TLS") else value for name, value in settings.items()}
    monkeypatch.setattr(mesh, "environment", mesh.environment | {"AUTH": "none"} | given)
    with ThreadPoolExecutor(len(modules)) as pool:
        for done in pool.map(lambda module: mesh.program(module, "--listen", "0.0.0.0:0"), modules):
            assert done.returncode == 2
            assert told in done.stderr and "INSECURE_LISTEN=yes" in done.stderr


def test_it_listens_there_when_told_so(secured: Secured) -> None:
    port = free_address().rpartition(":")[2]
    flags = ("--listen", f"0.0.0.0:{port}", "--auth", "none", "--insecure-listen", "--metrics-listen", free_address())
    spec = with_flags(secured.mesh.specs["slot-manager"], *flags)
    plain = dict.fromkeys(("TLS_CERT", "TLS_KEY", "TLS_CA"), "")

    spec = replace(
        spec,
        name="insecure",
        address=f"127.0.0.1:{port}",
        environment={**spec.environment, **plain},
        credentials=Credentials(),
        command=tuple(part for part in spec.command if part not in ("--public-listen", secured.public["slot-manager"])),
    )
    secured.mesh.supervisor.start(spec)
    try:
        secured.mesh.supervisor.wait_healthy("insecure", START_S)
    finally:
        secured.mesh.supervisor.stop("insecure")


def test_a_client_knows_one_service_from_another(secured: Secured) -> None:
    credentials = secured.credentials(certificate="simulator")
    address = secured.mesh.specs["adserver"].address
    for service, code in (("adserver", "OK"), ("feedback-handler", "UNAVAILABLE")):
        with open_blocking_channel(address, credentials, service) as channel:
            stub = AdServerStub(channel)
            assert code_of(lambda stub=stub: stub.ServeAd(REQUEST, timeout=CALL_S)) == code  # type: ignore[misc]


def test_the_simulator_and_the_command_line_come_in_by_their_certificates(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh, before = secured.mesh, secured.mesh.environment
    manager = ("--ad-manager", mesh.specs["ad-manager"].address)
    monkeypatch.setattr(mesh, "environment", before | certificate_environment(secured.certs, "operator"))
    listed = mesh.program("admanager.cli", "list", *manager)
    assert listed.returncode == 0, listed.stderr
    monkeypatch.setattr(mesh, "environment", before | certificate_environment(secured.certs, "simulator"))
    servers = ("--ad-server", mesh.address("adserver"), "--feedback-handler", mesh.address("feedback-handler"))
    run = mesh.program("simulator", "run", *servers, "--rate", "20", "--duration", "1s", "--user-count", "10")
    assert run.returncode == 0, run.stderr
    denied = mesh.program("admanager.cli", "list", *manager)
    assert denied.returncode == 2 and "PERMISSION_DENIED" in denied.stderr
