"""Who is at the browser: sessions by cookie, and tokens that a form must bring back.

A cookie is random and means nothing; what it stands for is kept here, for a while and for so many. A form's token is
an HMAC of the cookie, so another site, which cannot read the cookie, cannot make one.
"""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

COOKIE: Final = "console_session"
_MOST: Final = 10_000
_COOKIE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in. `account` is the one that a manager is limited to; empty: any."""

    name: str
    role: str
    account: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, {self.role!r}, {self.account!r})"

    @property
    def is_operator(self) -> bool:
        """Tells whether everything is shown."""
        return self.role == "operator"


ANYBODY: Final = Identity("", "operator", "")
"""Everyone, where nobody is asked who it is."""


class Sessions:
    """Identities by cookie; used on the event loop only."""

    def __init__(self, life_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._life_s = life_s
        self._clock_s = clock_s
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[str, tuple[float, Identity]] = OrderedDict()

    def new_cookie(self) -> str:
        """Makes a cookie that stands for nobody yet."""
        return secrets.token_urlsafe(_COOKIE_BYTES)

    def open(self, identity: Identity) -> str:
        """Opens a session; returns its cookie, a new one so that none given before counts for it."""
        cookie = self.new_cookie()
        self._kept[self._key(cookie)] = (self._clock_s() + self._life_s, identity)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Identity | None:
        """Returns who is signed in by a cookie."""
        ends_s, identity = self._kept.get(self._key(cookie), (0.0, None))
        if identity and self._clock_s() >= ends_s:
            self.close(cookie)
            return None
        return identity

    def close(self, cookie: str) -> None:
        """Ends a session."""
        self._kept.pop(self._key(cookie), None)

    def form_token(self, cookie: str) -> str:
        """Returns what forms of this cookie's owner must bring back."""
        return hmac.new(self._secret, cookie.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, cookie: str, token: str) -> bool:
        """Tells whether a form brought it back."""
        return hmac.compare_digest(self.form_token(cookie).encode(), token.encode())

    def _key(self, cookie: str) -> str:
        return hashlib.sha256(cookie.encode()).hexdigest()
