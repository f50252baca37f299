"""API tokens: what a caller from outside proves its identity with, and what is kept of them.

A token is `adp_ID_SECRET`: 12 hexadecimal digits that name it, and 32 random bytes in base64url. It is shown once; the
store keeps its SHA-256. A slow hash (bcrypt, argon2) is for what people think up: it makes each guess dear where there
are few. 256 random bits cannot be guessed at any price, so a fast hash is as safe, and costs a call half a microsecond.
"""

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from marketplace.permissions import Role

PREFIX: Final = "adp_"
SECRET_BYTES: Final = 32
ID_DIGITS: Final = 12
_ID_END: Final = len(PREFIX) + ID_DIGITS
_ID: Final = re.compile(f"(?:{PREFIX})?([0-9a-f]{{{ID_DIGITS}}})")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """What is kept of a token; times in microseconds since the epoch. `account` is a manager's, else empty."""

    token_id: str
    digest: bytes
    role: Role
    account: str = ""
    note: str = ""
    created_us: int = 0
    expires_us: int | None = None
    revoked_us: int | None = None

    def valid_at(self, now_us: int) -> bool:
        """Tells whether the token is good at an instant."""
        return self.revoked_us is None and (self.expires_us is None or now_us < self.expires_us)


def new_token() -> str:
    """Makes a fresh random token."""
    return f"{PREFIX}{secrets.token_hex(ID_DIGITS // 2)}_{secrets.token_urlsafe(SECRET_BYTES)}"


def id_of(token: str) -> str:
    """Returns the part of a token that names it; for what is no token, something that names none."""
    return token[len(PREFIX) : _ID_END]


def digest_of(token: str) -> bytes:
    """Returns what the store keeps in place of a token."""
    return sha256(token.encode()).digest()


def parse_id(text: str) -> str:
    """Reads a token's id as people copy it, with or without `adp_`. Raises ValueError that does not repeat the text."""
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError(f"is not a token's id such as {PREFIX}{'0' * ID_DIGITS}")
    return match[1]
