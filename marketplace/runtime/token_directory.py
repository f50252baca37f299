"""The API tokens in memory: no call waits for the store, and a revoked token is refused within seconds."""

import hmac
import secrets
import threading
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from marketplace.api_token import StoredToken, digest_of, id_of
from marketplace.clock import Clock
from marketplace.errors import Unavailable
from marketplace.permissions import Role
from marketplace.runtime.callers import Caller

REFRESH_S: Final = 1.0
_SCHEME: Final = "bearer "
# Compared with where no token has the id, so that this takes as long.
_NOBODY: Final = secrets.token_bytes(32)

log = structlog.get_logger()


class TokenSource(Protocol):
    """Where the tokens are kept. Raises Unavailable where that does not answer."""

    def version(self) -> int:
        """Returns a number that is another one after each change."""

    def unrevoked(self) -> Sequence[StoredToken]:
        """Returns all tokens that have not been revoked."""


class TokenDirectory:
    """Finds callers by what they present. While the store does not answer, what was last read of it counts."""

    def __init__(self, source: TokenSource, clock: Clock, rate: int) -> None:
        """`rate`: so many calls a second for each caller; 0: without limit. Raises Unavailable."""
        self._source = source
        self._clock = clock
        self._rate = rate
        self._version = source.version()
        self._tokens = source.unrevoked()
        self._callers: dict[str, tuple[bytes, Caller]] = {}
        self._renew()

    def caller_of(self, authorization: str) -> Caller | None:
        """Returns the caller whose token `Bearer adp_...` holds; None for what is no valid token.

        Takes as long for a token that is unknown as for one that is known and wrong.
        """
        token = authorization[len(_SCHEME) :]
        digest, caller = self._callers.get(id_of(token), (_NOBODY, None))
        same = hmac.compare_digest(digest, digest_of(token))
        return caller if same and authorization[: len(_SCHEME)].lower() == _SCHEME else None

    def refresh(self) -> None:
        """Reads the tokens again if they have changed. Raises Unavailable."""
        version = self._source.version()
        if version != self._version:
            tokens = self._source.unrevoked()
            self._version, self._tokens = version, tokens
        self._renew()

    def run(self, stop: threading.Event) -> None:
        """Refreshes every second until `stop` is set."""
        away = False
        while not stop.wait(REFRESH_S):
            try:
                self.refresh()
                away = False
            except Unavailable as problem:
                if not away:
                    log.warning("tokens are as they were last read", cause=repr(problem.__cause__)[:200])
                away = True
                self._renew()  # what expires, expires

    def _renew(self) -> None:
        now_us = self._clock()
        valid = {token.token_id: token for token in self._tokens if token.valid_at(now_us)}
        before = self._callers
        if valid.keys() == before.keys():
            return
        for token_id in before.keys() - valid.keys():
            before[token_id][1].revoked = True  # its streams are open still
        self._callers = {
            token_id: before.get(token_id) or (token.digest, self._caller(token)) for token_id, token in valid.items()
        }
        log.info("tokens", valid=len(valid))

    def _caller(self, token: StoredToken) -> Caller:
        account = token.account if token.role is Role.MANAGER else None
        return Caller(name=token.token_id, role=token.role, account=account, rate=self._rate)
