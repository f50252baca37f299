"""Certificates: read, checked against their keys, taken up when they change, and not before they are whole."""

from pathlib import Path

import grpc
import pytest

from marketplace.runtime import tls
from marketplace.runtime.settings import BadSettingError
from marketplace.runtime.tls import TlsFiles, TlsSettings, WatchedTls, channel_credentials, server_credentials
from stack.certs import issue


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    issue(folder)
    return folder


@pytest.fixture
def certs(issued: Path, tmp_path: Path) -> Path:
    for path in issued.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def files(folder: Path, name: str = "adserver") -> TlsFiles:
    return TlsFiles(folder / f"{name}.pem", folder / f"{name}-key.pem", folder / "ca.pem")


def test_credentials_of_both_sides(certs: Path) -> None:
    watched = WatchedTls(files(certs))
    assert isinstance(server_credentials(watched, ask_clients=True), grpc.ServerCredentials)
    assert isinstance(channel_credentials(watched.newest()), grpc.ChannelCredentials)
    assert "PRIVATE" not in repr(watched.newest())


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda folder: (folder / "adserver.pem").unlink(), "TLS_CERT: .* cannot be read"),
        (lambda folder: (folder / "adserver.pem").write_text("x"), "TLS_CERT is not a certificate"),
        (lambda folder: (folder / "adserver-key.pem").write_text("secret x"), "TLS_KEY is not a private key"),
        (lambda folder: (folder / "ca.pem").write_text("x"), "TLS_CA is not a certificate"),
        (lambda folder: (folder / "console-key.pem").rename(folder / "adserver-key.pem"), "not the key of TLS_CERT"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(certs: Path, damage: object, text: str) -> None:
    damage(certs)  # type: ignore[operator]
    with pytest.raises(BadSettingError, match=text) as problem:
        WatchedTls(files(certs))
    assert "secret" not in str(problem.value)


def test_certificate_and_key_go_together() -> None:
    with pytest.raises(BadSettingError, match="together"):
        TlsFiles.of(TlsSettings(tls_cert=Path("x")))


def test_new_files_are_taken_up_once_they_are_whole(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_CHECK_S", 0.0)
    watched = WatchedTls(files(certs))
    before = watched.newest()
    assert watched.newest() is before
    key = (certs / "console-key.pem").read_bytes()
    (certs / "console.pem").rename(certs / "adserver.pem")
    assert watched.newest() is before, "the key is still the old one's"
    (certs / "adserver-key.pem").write_bytes(key)
    after = watched.newest()
    assert after is not before
    assert after.key == key
    (certs / "adserver.pem").unlink()
    assert watched.newest() is after


def test_the_files_are_looked_at_once_a_second(certs: Path) -> None:
    watched = WatchedTls(files(certs))
    before = watched.newest()
    for name in ("pem", "key.pem"):
        source = certs / ("console.pem" if name == "pem" else "console-key.pem")
        (certs / ("adserver.pem" if name == "pem" else "adserver-key.pem")).write_bytes(source.read_bytes())
    assert watched.newest() is before
