"""Certificates and keys from files, read again when the files change: nothing has to be restarted for new ones."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from marketplace.runtime.settings import BadSettingError, Settings

_CHECK_S: Final = 1.0

log = structlog.get_logger()


class TlsSettings(Settings):
    """Settings of what listens or connects by TLS; the files are PEM, and read again when they change."""

    tls_cert: Path | None = None
    """This process's certificate, with what leads from it to its authority."""

    tls_key: Path | None = None
    """The certificate's private key, without a passphrase."""

    tls_ca: Path | None = None
    """Certificate of the authority that whoever is at the other end must be certified by."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificate and key are, and the authority's certificate; each may be None, the first two only together."""

    certificate: Path | None
    key: Path | None
    authority: Path | None

    @classmethod
    def of(cls, settings: TlsSettings) -> Self:
        """Takes them from settings. Raises BadSettingError for a certificate without its key or the other way round."""
        if (settings.tls_cert is None) != (settings.tls_key is None):
            raise BadSettingError("TLS_CERT and TLS_KEY go together")
        return cls(settings.tls_cert, settings.tls_key, settings.tls_ca)


@dataclass(frozen=True, slots=True)
class TlsState:
    """What the files held when they were read, as PEM; key and certificate belong together."""

    certificate: bytes | None
    key: bytes | None
    authority: bytes | None

    def __repr__(self) -> str:
        return "TlsState(...)"

    @property
    def pair(self) -> tuple[bytes, bytes]:
        """Returns key and certificate. Raises BadSettingError where there are none."""
        if self.key is None or self.certificate is None:
            raise BadSettingError("TLS_CERT and TLS_KEY are needed")
        return self.key, self.certificate


class WatchedTls:
    """The newest state of the files that was whole. Safe for several threads."""

    def __init__(self, files: TlsFiles) -> None:
        """Reads the files. Raises BadSettingError."""
        self._files = files
        self._lock = threading.Lock()
        self._stamp = _stamp(files)
        self._state = _load(files)
        self._next_check_s = time.monotonic() + _CHECK_S

    def newest(self) -> TlsState:
        """Returns the state; looks at the files at most once a second. Files that do not fit each other wait."""
        if time.monotonic() >= self._next_check_s:
            with self._lock:
                self._next_check_s = time.monotonic() + _CHECK_S
                self._look()
        return self._state

    def _look(self) -> None:
        stamp = _stamp(self._files)
        if stamp == self._stamp:
            return
        try:
            self._state = _load(self._files)
        except BadSettingError as problem:
            log.warning("new certificates are not used yet", problem=str(problem))  # one of two files is written
            return
        self._stamp = stamp


def server_credentials(tls: WatchedTls, ask_clients: bool) -> grpc.ServerCredentials:
    """Returns credentials that each new connection gets in their newest state.

    `ask_clients`: a client must prove by a certificate of the authority who it is, or is not let in.
    """
    handed = tls.newest()

    def configuration(state: TlsState) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([state.pair], state.authority if ask_clients else None)

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal handed
        state = tls.newest()
        if state is handed:
            return None
        handed = state
        return configuration(state)

    return grpc.dynamic_ssl_server_credentials(configuration(handed), changed, ask_clients)  # type: ignore[arg-type]


def channel_credentials(state: TlsState) -> grpc.ChannelCredentials:
    """Returns a client's credentials: it checks the server by the authority, or else by those that gRPC comes with."""
    return grpc.ssl_channel_credentials(state.authority, state.key, state.certificate)


def _stamp(files: TlsFiles) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(_file_stamp(path) for path in (files.certificate, files.key, files.authority))


def _file_stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size) if found else None


def _load(files: TlsFiles) -> TlsState:
    certificate, key, authority = _read("TLS_CERT", files.certificate), _read("TLS_KEY", files.key), None
    if certificate and key:
        _check_pair(certificate, key)
    if authority := _read("TLS_CA", files.authority):
        _certificate("TLS_CA", authority)
    return TlsState(certificate, key, authority)


def _read(name: str, path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path else None
    except OSError as problem:
        raise BadSettingError(f"{name}: {path} cannot be read ({problem.strerror})") from None


def _check_pair(certificate: bytes, key: bytes) -> None:
    found = _certificate("TLS_CERT", certificate)
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        raise BadSettingError("TLS_KEY is not a private key in PEM without a passphrase") from None
    if found.public_key() != private.public_key():
        raise BadSettingError("TLS_KEY is not the key of TLS_CERT")
    log.info("certificate", subject=found.subject.rfc4514_string(), ends=found.not_valid_after_utc.isoformat())


def _certificate(name: str, pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise BadSettingError(f"{name} is not a certificate in PEM") from None
