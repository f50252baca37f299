"""Where spans lie in the trace of a request. Pure; `marketplace.runtime.tracing` records them.

A request id is a UUIDv7 of 128 bits; a trace id has as many: they are the same. Neither receipt nor ledger carries a
context, because whoever has a request's id derives it: the span of the auction has the id's lower half for its own id,
that of a charge has the action's number added to it.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from marketplace.feedback import Action
from marketplace.ports import Headers

TRACEPARENT: Final = "traceparent"
_RANDOM_BITS: Final = 56  # the lowest ones of a UUIDv7, and those that W3C's trace context wants to be random
_SPAN_BITS: Final = 64
_SAMPLED: Final = 1
_RANDOM: Final = 2
_FORM: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Place:
    """A span's own id, the trace's, and that of the span above it, if there is one."""

    trace_id: int
    span_id: int
    parent_id: int | None = None

    @classmethod
    def of_serve(cls, request_id: str) -> Self:
        """Returns the place of the auction that a request's trace begins with."""
        number = UUID(request_id).int
        return cls(number, _lower_half(number))

    @classmethod
    def of_charge(cls, request_id: str, action: Action) -> Self:
        """Returns the place of the one feedback that charges an action."""
        number = UUID(request_id).int
        return cls(number, _lower_half(number + action), _lower_half(number))

    @classmethod
    def in_headers(cls, headers: Headers) -> Self | None:
        """Returns the place that a message comes from, if its trace is recorded."""
        for name, value in headers:
            if name == TRACEPARENT and (match := _FORM.fullmatch(value.decode("ascii", "replace"))):
                trace_id, span_id, flags = (int(part, 16) for part in match.groups())
                if flags & _SAMPLED and trace_id and span_id:
                    return cls(trace_id, span_id)
        return None

    def below(self) -> Self:
        """Returns a new place below this one."""
        return type(self)(self.trace_id, secrets.randbits(_SPAN_BITS) or 1, self.span_id)

    @property
    def headers(self) -> Headers:
        """Returns what a message says of its trace."""
        context = f"00-{self.trace_id:032x}-{self.span_id:016x}-{_SAMPLED | _RANDOM:02x}"
        return ((TRACEPARENT, context.encode()),)


def is_traced(request_id: str, ratio: float) -> bool:
    """Tells whether a request is one of the share that is traced; the same wherever it is asked."""
    return UUID(request_id).int & (1 << _RANDOM_BITS) - 1 < round(ratio * (1 << _RANDOM_BITS))


def _lower_half(number: int) -> int:
    return number & (1 << _SPAN_BITS) - 1
