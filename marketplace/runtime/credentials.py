"""What a client of the mesh proves its identity with, and how it checks a server's."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from marketplace.runtime.settings import BadSettingError
from marketplace.runtime.tls import TlsFiles, TlsSettings, TlsState, WatchedTls

_CHECK_S: Final = 1.0
_TOKEN: Final = re.compile(r"[!-~]{1,512}")


class ClientSettings(TlsSettings):
    """Settings of what calls a server. With TLS_CA the server is called by TLS, with TLS_CERT we prove who we are."""

    tls_server_name: str | None = None
    """Name that a server's certificate must hold; default: that of its service, such as adserver."""

    api_token: SecretStr | None = None
    """API token that calls carry; by the environment only."""

    api_token_file: Path | None = None
    """File with the API token, read again when it changes."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one channel is opened with; another one where the files have changed."""

    tls: TlsState | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Returns what each call carries."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


class Credentials:
    """A client's credentials in their newest state."""

    def __init__(
        self,
        tls: WatchedTls | None = None,
        token: str | None = None,
        token_file: Path | None = None,
        server_name: str | None = None,
    ) -> None:
        """Raises BadSettingError where the file cannot be read."""
        self._tls = tls
        self._token = token
        self._token_file = token_file
        self._proof = Proof()
        self._next_check_s = 0.0
        self.server_name = server_name
        self.newest()

    @classmethod
    def of(cls, settings: ClientSettings) -> Self:
        """Takes them from settings. Raises BadSettingError."""
        if settings.api_token and settings.api_token_file:
            raise BadSettingError("API_TOKEN and API_TOKEN_FILE: one of them is enough")
        files = TlsFiles.of(settings)
        if files.certificate and not files.authority:
            raise BadSettingError("TLS_CA: a client needs the authority that servers are certified by")
        tls = WatchedTls(files) if files.authority else None
        token = settings.api_token.get_secret_value() if settings.api_token else None
        return cls(tls, token, settings.api_token_file, settings.tls_server_name)

    @property
    def plain(self) -> bool:
        """Tells whether calls go in clear and prove nothing."""
        return self._tls is None and not self._token and not self._token_file

    def newest(self) -> Proof:
        """Returns the newest state, looked at once a second: the same object as before where nothing has changed."""
        now_s = time.monotonic()
        if now_s < self._next_check_s:
            return self._proof
        self._next_check_s = now_s + _CHECK_S
        tls, token = self._tls.newest() if self._tls else None, self._newest_token()
        if tls is not self._proof.tls or token != self._proof.token:
            self._proof = Proof(tls, token)
        return self._proof

    def _newest_token(self) -> str | None:
        if self._token_file is None:
            return _checked("API_TOKEN", self._token) if self._token else None
        try:
            return _checked("API_TOKEN_FILE", self._token_file.read_text().strip())
        except OSError as problem:
            text = f"API_TOKEN_FILE: {self._token_file} cannot be read ({problem.strerror})"
            refused = BadSettingError(text)
        except BadSettingError as problem:
            refused = problem
        if self._proof.token:
            return self._proof.token  # the file is being replaced
        raise refused


def _checked(name: str, token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise BadSettingError(f"{name} holds no API token")
    return token


PLAIN: Final = Credentials()
"""Calls in clear that prove nothing: on loopback, to servers that ask for nothing."""
