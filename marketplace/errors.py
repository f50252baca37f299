"""The one error family. Each says whose fault it is; `marketplace.runtime.rpc_errors` maps them to gRPC codes."""

from dataclasses import dataclass


@dataclass
class PlatformError(Exception):
    """Base of all errors that a client may see; `message` is for people and holds nothing internal."""

    message: str

    def __str__(self) -> str:
        return self.message


@dataclass
class InvalidArgument(PlatformError):
    """The request's fault: `field` names what is wrong with it."""

    field: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass
class ReceiptInvalid(PlatformError):
    """The receipt was not sealed by us, or not unchanged."""

    message: str = "the receipt is not one of ours"


@dataclass
class ReceiptExpired(PlatformError):
    """The receipt was ours, but its life is over."""

    message: str = "the receipt has expired"


@dataclass
class NotFound(PlatformError):
    """The thing asked for does not exist."""


@dataclass
class AlreadyExists(PlatformError):
    """The name is taken."""


@dataclass
class FailedPrecondition(PlatformError):
    """The thing is not in a state that allows this."""


@dataclass
class Overloaded(PlatformError):
    """More work than the bounds in the settings allow; try again after `retry_after_s` seconds."""

    message: str = "overloaded, try again"
    retry_after_s: float = 0.2


@dataclass
class RateLimited(Overloaded):
    """This caller has made more calls than it may; try again after `retry_after_s` seconds."""

    message: str = "too many calls, try again later"


@dataclass
class Unauthenticated(PlatformError):
    """The call proves no identity. The text is the same whatever is wrong with the proof."""

    message: str = "a valid API token or certificate is needed"


@dataclass
class PermissionDenied(PlatformError):
    """This caller may not do this. The text is the same whether or not there is something to do it to."""

    message: str = "this caller may not do this"


@dataclass
class DeadlineExceeded(PlatformError):
    """The caller does not wait any more; nothing was done."""

    message: str = "the deadline has passed, nothing was done"


@dataclass
class Unavailable(PlatformError):
    """Something that this service depends on does not answer. Safe to retry."""

    message: str = "temporarily unavailable, try again"
