"""Who calls: tokens of every role, and a call as a servicer sees it."""

from collections.abc import Sequence
from typing import Any, Final

import grpc
from grpc.aio import EOF

from marketplace.api_token import StoredToken, digest_of, id_of, new_token
from marketplace.permissions import Role

TOKENS: Final = {role: new_token() for role in Role}
"""A token of each role. The manager's account is `default`, which has all campaigns."""


class Tokens:
    """See `token_directory.TokenSource`."""

    def version(self) -> int:
        return 0

    def unrevoked(self) -> list[StoredToken]:
        return [
            StoredToken(token_id=id_of(token), digest=digest_of(token), role=role, account="default")
            for role, token in TOKENS.items()
        ]


class Ended(Exception):
    """A call ended with a status."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = code


class Call:
    """The call as a servicer sees it; `identities` are those of its certificate."""

    def __init__(self, metadata: Sequence[tuple[str, str | bytes]], identities: Sequence[bytes]) -> None:
        self._metadata = metadata
        self._identities = identities
        self.sent: list[Any] = []
        self.written: list[Any] = []

    async def read(self) -> Any:
        return self.sent.pop(0) if self.sent else EOF

    async def write(self, response: Any) -> None:
        self.written.append(response)

    def time_remaining(self) -> float:
        return 10.0

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        return self._metadata

    def auth_context(self) -> dict[str, Sequence[bytes]]:
        return {"peer_spiffe_id": self._identities} if self._identities else {}

    async def abort_with_status(self, status: Any) -> None:
        raise Ended(status.code)
