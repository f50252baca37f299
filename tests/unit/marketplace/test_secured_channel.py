"""Channels by TLS and with tokens: what is checked, what is refused, and that new certificates need no new channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
import pytest
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerServicer, AdServerStub, add_AdServerServicer_to_server
from cryptography import x509
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from marketplace.runtime import credentials as credentials_module
from marketplace.runtime import tls as tls_module
from marketplace.runtime.channel import open_blocking_channel, open_channel
from marketplace.runtime.credentials import ClientSettings, Credentials
from marketplace.runtime.settings import BadSettingError
from marketplace.runtime.tls import TlsFiles, WatchedTls, server_credentials
from stack.certs import issue

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
REQUEST: Final = pb.ServeAdRequest()


@pytest.fixture
def certs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tls_module, "_CHECK_S", 0.0)
    monkeypatch.setattr(credentials_module, "_CHECK_S", 0.0)
    issue(tmp_path)
    return tmp_path


def watched(certs: Path, name: str) -> WatchedTls:
    return WatchedTls(TlsFiles(certs / f"{name}.pem", certs / f"{name}-key.pem", certs / "ca.pem"))


def client(certs: Path, name: str = "simulator", **more: Any) -> Credentials:
    return Credentials(watched(certs, name), **more)


def serial(pem: bytes) -> int:
    return x509.load_pem_x509_certificate(pem).serial_number


class Mirror(AdServerServicer):
    """Answers with what the caller has proved: certificate's serial number and authorization."""

    async def ServeAd(self, request: pb.ServeAdRequest, context: Any) -> pb.ServeAdResponse:  # noqa: N802
        pem = context.auth_context().get("x509_pem_cert", [b""])[0]
        token = dict(context.invocation_metadata()).get("authorization", "")
        return pb.ServeAdResponse(ads=[pb.Ad(text=str(serial(pem)) if pem else "", category=token)])

    async def StreamAds(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.StreamAdsResponse]:  # noqa: N802
        async for message in request_iterator:
            yield pb.StreamAdsResponse(sequence=message.sequence)


@asynccontextmanager
async def serving(certs: Path | None, name: str = "adserver") -> AsyncIterator[str]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    add_AdServerServicer_to_server(Mirror(), server)
    await checks.set("", SERVING)
    if certs:
        port = server.add_secure_port("127.0.0.1:0", server_credentials(watched(certs, name), ask_clients=True))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def proved(channel: grpc.aio.Channel) -> tuple[str, str]:
    answer = await AdServerStub(channel).ServeAd(REQUEST, timeout=10)
    return answer.ads[0].text, answer.ads[0].category


def test_several_servers_behind_one_channel(certs: Path) -> None:
    async def run() -> None:
        async with (
            serving(certs) as one,
            serving(certs) as other,
            open_channel(f"{one},{other}", client(certs), "adserver") as channel,
        ):
            for _ in range(6):
                assert (await proved(channel))[0] == str(serial((certs / "simulator.pem").read_bytes()))

    asyncio.run(run())


@pytest.mark.parametrize("service", ["feedback-handler", "operator"])
def test_a_server_of_another_service_is_not_talked_to(certs: Path, service: str) -> None:
    async def run() -> None:
        async with serving(certs) as address, open_channel(address, client(certs), service) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as problem:
                await proved(channel)
            assert problem.value.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(run())


def test_a_stranger_to_the_authority_is_not_let_in_nor_believed(certs: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    issue(elsewhere)

    async def run() -> None:
        async with serving(certs) as ours, serving(elsewhere) as theirs, serving(None) as plain:
            strangers = (
                open_channel(ours, client(elsewhere), "adserver"),
                open_channel(theirs, client(certs), "adserver"),
                open_channel(plain, client(certs), "adserver"),
                open_channel(ours),
            )
            for channel in strangers:
                async with channel:
                    with pytest.raises(grpc.aio.AioRpcError) as problem:
                        await proved(channel)
                    assert problem.value.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(run())


def test_new_certificates_are_used_from_the_next_call_on_and_calls_in_flight_go_on(certs: Path) -> None:
    async def run() -> None:
        async with serving(certs) as address, open_channel(address, client(certs), "adserver") as channel:
            before = await proved(channel)
            stream = AdServerStub(channel).StreamAds(timeout=30)
            await stream.write(pb.StreamAdsRequest(sequence=1))
            assert (await stream.read()).sequence == 1
            for round_ in range(3):
                issue(certs, renew=True)
                after = await proved(channel)
                assert after[0] == str(serial((certs / "simulator.pem").read_bytes())) != before[0]
                before = after
                await stream.write(pb.StreamAdsRequest(sequence=2 + round_))
                assert (await stream.read()).sequence == 2 + round_
            await stream.done_writing()
            assert await stream.code() is grpc.StatusCode.OK

    asyncio.run(run())


def test_a_token_goes_with_every_call_and_its_file_is_followed(certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("adp_first\n")

    async def run() -> None:
        async with serving(None) as address, open_channel(address, Credentials(token_file=file)) as channel:
            assert await proved(channel) == ("", "Bearer adp_first")
            file.write_text("adp_second\n")
            assert await proved(channel) == ("", "Bearer adp_second")
            file.unlink()
            assert await proved(channel) == ("", "Bearer adp_second")

    asyncio.run(run())


def test_a_blocking_channel_is_the_like(certs: Path) -> None:
    async def run() -> None:
        async with serving(certs) as address:
            credentials = client(certs, token="adp_x")

            def call() -> tuple[str, str]:
                with open_blocking_channel(address, credentials, "adserver") as channel:
                    ad = AdServerStub(channel).ServeAd(REQUEST, timeout=10).ads[0]
                return ad.text, ad.category

            found = await asyncio.to_thread(call)
            assert found == (str(serial((certs / "simulator.pem").read_bytes())), "Bearer adp_x")

    asyncio.run(run())


@pytest.mark.parametrize("address", ["10.0.0.1:1", "adserver:1", "127.0.0.1:1,10.0.0.1:1"])
def test_a_token_does_not_go_over_a_network_in_clear(address: str) -> None:
    for open_one in (open_channel, open_blocking_channel):
        with pytest.raises(ValueError, match="TLS_CA") as problem:
            open_one(address, Credentials(token="adp_secret"))
        assert "secret" not in str(problem.value)


def test_settings_of_a_client(certs: Path) -> None:
    assert Credentials.of(ClientSettings()).plain
    with pytest.raises(BadSettingError, match="one of them"):
        Credentials.of(ClientSettings(api_token="x", api_token_file=certs / "x"))  # type: ignore[arg-type]
    with pytest.raises(BadSettingError, match="TLS_CA"):
        Credentials.of(ClientSettings(tls_cert=certs / "operator.pem", tls_key=certs / "operator-key.pem"))
    with pytest.raises(BadSettingError, match="API_TOKEN_FILE"):
        Credentials.of(ClientSettings(api_token_file=certs / "none"))
    for bad in ("two words", "line\nline", "é"):
        with pytest.raises(BadSettingError, match="holds no API token"):
            Credentials.of(ClientSettings(api_token=bad))  # type: ignore[arg-type]
    settings = ClientSettings(api_token="adp_secret")  # type: ignore[arg-type]
    for shown in (settings.shown(), settings, Credentials.of(settings).newest()):
        assert "secret" not in repr(shown)


def test_the_authority_is_replaced_while_both_are_trusted(certs: Path, tmp_path_factory: Any) -> None:
    new = tmp_path_factory.mktemp("new")
    issue(new)

    async def run() -> None:
        async with serving(certs) as address, open_channel(address, client(certs), "adserver") as channel:
            await proved(channel)
            both = (certs / "ca.pem").read_bytes() + (new / "ca.pem").read_bytes()
            (certs / "ca.pem").write_bytes(both)
            await proved(channel)
            for name in ("adserver", "simulator"):  # one side after the other
                for end in (".pem", "-key.pem"):
                    (certs / f"{name}{end}").write_bytes((new / f"{name}{end}").read_bytes())
                async with open_channel(address, client(certs), "adserver") as another:
                    await proved(another)
                await proved(channel)
            (certs / "ca.pem").write_bytes((new / "ca.pem").read_bytes())
            assert (await proved(channel))[0] == str(serial((new / "simulator.pem").read_bytes()))

    asyncio.run(run())
