"""Who makes the call at hand. Nothing is known, and nothing limited, where the process asks for no identity."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from marketplace.errors import RateLimited, Unauthenticated
from marketplace.permissions import Role
from marketplace.rate_limit import TokenBucket


@dataclass(slots=True, eq=False, kw_only=True)
class Caller:
    """A caller who has proved its identity; one object for all its calls, so that they share its rate.

    `account` is the one that a manager is limited to. `rate` is in calls a second; 0: without limit.
    """

    name: str
    role: Role | None
    account: str | None = None
    rate: int = 0
    revoked: bool = False
    _bucket: TokenBucket | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.rate:
            self._bucket = TokenBucket(self.rate, time.monotonic())

    def count(self) -> None:
        """Counts a call, or a request on a stream. Raises RateLimited, or Unauthenticated once it is revoked."""
        if self.revoked:
            raise Unauthenticated
        if self._bucket and (wait_s := self._bucket.take(time.monotonic())):
            raise RateLimited(retry_after_s=wait_s)


current: Final[ContextVar[Caller | None]] = ContextVar("current_caller", default=None)
"""Set by the guard in the task of each call that it lets in."""


def count_request() -> None:
    """Counts a request on the stream at hand like a call of its own. Raises RateLimited or Unauthenticated."""
    if caller := current.get():
        caller.count()


def account_of_caller() -> str | None:
    """Returns the account that the call at hand is limited to; None: it may concern any."""
    caller = current.get()
    return caller.account if caller else None
