"""Where a process listens, and where it refuses to."""

from pathlib import Path

import pytest

from marketplace.runtime.addresses import is_loopback
from marketplace.runtime.listening import Entrance, ServerSettings
from marketplace.runtime.settings import BadSettingError
from stack.certs import certificate_environment, issue


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("certs")
    issue(folder)
    return {name.lower(): Path(path) for name, path in certificate_environment(folder, "adserver").items()}


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("127.example.com:1", False),
        ("localhost.example.com:1", False),
        ("adserver:1", False),
    ],
)
def test_what_is_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_on_loopback_nothing_is_asked_for() -> None:
    entrance = Entrance.of(ServerSettings(listen="127.0.0.1:0"))
    assert (entrance.tls, entrance.guard, entrance.loops()) == (None, None, [])


def test_beyond_loopback_in_clear_is_refused() -> None:
    for auth in ("none", "tokens"):
        with pytest.raises(BadSettingError, match=r"0\.0\.0\.0:1 may be reached .*without TLS"):
            Entrance.of(ServerSettings(listen="0.0.0.0:1", auth=auth))  # type: ignore[arg-type]


def test_beyond_loopback_without_asking_who_calls_is_refused(tls: dict[str, Path]) -> None:
    with pytest.raises(BadSettingError, match="without asking who calls"):
        Entrance.of(ServerSettings(listen="[::]:1", **tls))  # type: ignore[arg-type]
    assert Entrance.of(ServerSettings(listen="[::]:1", auth="tokens", **tls)).guard  # type: ignore[arg-type]


def test_unless_told_in_so_many_words() -> None:
    assert Entrance.of(ServerSettings(listen="0.0.0.0:1", insecure_listen=True)).guard is None


def test_the_second_address_is_held_to_the_same(tls: dict[str, Path]) -> None:
    with pytest.raises(BadSettingError, match="PUBLIC_LISTEN needs AUTH=tokens"):
        Entrance.of(ServerSettings(public_listen="127.0.0.1:1"))
    with pytest.raises(BadSettingError, match=r"PUBLIC_LISTEN: .*without TLS"):
        Entrance.of(ServerSettings(public_listen="10.0.0.1:1", auth="tokens"))
    assert Entrance.of(ServerSettings(public_listen="10.0.0.1:1", auth="tokens", **tls)).tls  # type: ignore[arg-type]


def test_an_authority_without_a_certificate_of_our_own_is_no_tls(tls: dict[str, Path]) -> None:
    with pytest.raises(BadSettingError, match="TLS_CERT and TLS_KEY"):
        Entrance.of(ServerSettings(tls_ca=tls["tls_ca"]))


def test_every_bound_is_an_option_of_the_server() -> None:
    names = {name for name, _ in Entrance.of(ServerSettings()).options()}
    assert names == {
        "grpc.max_receive_message_length",
        "grpc.max_metadata_size",
        "grpc.absolute_max_metadata_size",
        "grpc.max_concurrent_streams",
        "grpc.max_allowed_incoming_connections",
        "grpc.server.max_pending_requests",
        "grpc.server.max_pending_requests_hard_limit",
        "grpc.max_connection_age_ms",
        "grpc.max_connection_age_grace_ms",
    }
