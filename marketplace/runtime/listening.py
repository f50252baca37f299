"""What a process listens on, who may come in, and how much at once.

On loopback nothing is asked for unless the settings say so. Beyond it a process refuses to listen without TLS, or
without asking for an identity, unless it is told in so many words: INSECURE_LISTEN=yes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import grpc.aio
from pydantic import Field

from marketplace.clock import system_clock
from marketplace.runtime.access import AccessControl
from marketplace.runtime.addresses import is_loopback
from marketplace.runtime.settings import Address, BadSettingError, StoreSettings
from marketplace.runtime.tls import TlsFiles, TlsSettings, WatchedTls, server_credentials
from marketplace.runtime.token_directory import TokenDirectory

MAX_MESSAGE_BYTES: Final = 1 << 20
_MAX_METADATA_BYTES: Final = 8 << 10
_AGE_GRACE_MS: Final = 60_000


class ServerSettings(TlsSettings):
    """Settings of what listens: who may come in, and how much at once."""

    listen: Address = "127.0.0.1:0"
    """Address to listen on."""

    auth: Literal["none", "tokens"] = "none"
    """Whether callers must prove who they are, by API token or certificate: `none` or `tokens`."""

    public_listen: Address | None = None
    """A second address, for callers from outside: TLS without a certificate of theirs; they need tokens."""

    insecure_listen: bool = False
    """Lets this process listen beyond loopback without TLS, or without asking who calls."""

    rate_limit: int = Field(10_000, ge=0, le=10_000_000)
    """Requests a second, in calls or on streams, that a caller may make of a process; 0: no limit. With AUTH=tokens."""

    max_connections: int = Field(1_000, ge=1, le=1_000_000)
    """At most so many connections to each address; one more is closed at once."""

    max_streams: int = Field(1_000, ge=1, le=1_000_000)
    """At most so many calls and streams at once on one connection; more wait."""

    max_pending: int = Field(200, ge=1, le=1_000_000)
    """So many calls may have come and wait until the process takes them up; of more, gRPC itself refuses some with
    CANCELLED, and all beyond twice as many. To refuse them by our own word would cost as much as to answer them."""

    max_calls: int = Field(20_000, ge=1, le=1_000_000)
    """At most so many calls and streams at once in all; one more is refused with RESOURCE_EXHAUSTED."""

    max_connection_seconds: int = Field(3_600, ge=1, le=7 * 86_400)
    """A connection, and with it each of its streams, ends after so long and a minute; clients connect again."""


@dataclass(frozen=True)
class Entrance:
    """How callers come into a process. `guard` is None where nobody is asked who it is."""

    settings: ServerSettings
    tls: WatchedTls | None = None
    guard: AccessControl | None = None
    tokens: TokenDirectory | None = None

    @classmethod
    def of(cls, settings: ServerSettings) -> Self:
        """Reads certificates and tokens.

        Raises BadSettingError, also where the settings would let in whom nobody means to let in; and Unavailable.
        """
        files = TlsFiles.of(settings)
        tls = WatchedTls(files) if files.certificate else None
        if tls is None and files.authority:
            raise BadSettingError("TLS_CA: a server needs TLS_CERT and TLS_KEY too")
        _check(settings, tls is not None)
        if settings.auth == "none":
            return cls(settings, tls)
        tokens = _directory(settings.store_url, settings.rate_limit) if isinstance(settings, StoreSettings) else None
        return cls(settings, tls, AccessControl(tokens, settings.rate_limit), tokens)

    def options(self) -> list[tuple[str, Any]]:
        """Returns the bounds of a server, as gRPC's options."""
        return [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
            ("grpc.absolute_max_metadata_size", 2 * _MAX_METADATA_BYTES),
            ("grpc.max_concurrent_streams", self.settings.max_streams),
            ("grpc.max_allowed_incoming_connections", self.settings.max_connections),
            ("grpc.server.max_pending_requests", self.settings.max_pending),
            ("grpc.server.max_pending_requests_hard_limit", 2 * self.settings.max_pending),
            ("grpc.max_connection_age_ms", self.settings.max_connection_seconds * 1_000),
            ("grpc.max_connection_age_grace_ms", _AGE_GRACE_MS),
        ]

    def open(self, server: grpc.aio.Server) -> None:
        """Adds the addresses to a server. Raises OSError where one cannot be had."""
        _add(server, self.settings.listen, self.tls, ask_clients=self.settings.tls_ca is not None)
        if self.settings.public_listen:
            _add(server, self.settings.public_listen, self.tls, ask_clients=False)

    def loops(self) -> Sequence[tuple[str, Callable[..., None]]]:
        """Returns what runs beside the calls, by name."""
        return [("tokens", self.tokens.run)] if self.tokens else []


def _directory(store_url: str, rate: int) -> TokenDirectory:
    from marketplace.runtime.store.engine import open_engine  # a process without a store loads none of this
    from marketplace.runtime.store.migrate import migrate
    from marketplace.runtime.store.tokens import SqlTokens

    engine = open_engine(store_url, pool_size=1)  # of its own: no charge and no command keeps a revocation waiting
    migrate(engine)
    return TokenDirectory(SqlTokens(engine), system_clock, rate)


def _check(settings: ServerSettings, tls: bool) -> None:
    public = settings.public_listen
    if public and settings.auth == "none":
        raise BadSettingError("PUBLIC_LISTEN needs AUTH=tokens")
    if settings.insecure_listen:
        return
    for name, address in (("LISTEN", settings.listen), ("PUBLIC_LISTEN", public)):
        if address is None or is_loopback(address):
            continue
        if not tls:
            raise BadSettingError(_refusal(name, address, "without TLS (TLS_CERT, TLS_KEY)"))
        if settings.auth == "none":
            raise BadSettingError(_refusal(name, address, "without asking who calls (AUTH=tokens)"))


def _add(server: grpc.aio.Server, address: str, tls: WatchedTls | None, ask_clients: bool) -> None:
    try:
        port = (
            server.add_secure_port(address, server_credentials(tls, ask_clients))
            if tls
            else server.add_insecure_port(address)
        )
    except RuntimeError:
        port = 0
    if port == 0:
        raise OSError(f"cannot listen on {address}")


def _refusal(name: str, address: str, lacking: str) -> str:
    return (
        f"{name}: {address} may be reached from other machines, {lacking}; "
        "with INSECURE_LISTEN=yes that is as you want it"
    )
