"""The guard of a process: finds out who calls, and lets in whom `marketplace.permissions` allows.

A call proves its identity by an API token in its metadata (`authorization: Bearer adp_...`), else by the certificate of
its connection. Who may not call a method learns that before anything is looked up: so the answer takes as long, and
reads the same, whether or not the thing that it would concern exists.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import grpc
from grpc_status import rpc_status

from marketplace.errors import PermissionDenied, PlatformError, Unauthenticated
from marketplace.permissions import ANYONE, SERVICE_ROLES, Roles, roles_for
from marketplace.runtime.callers import Caller, current
from marketplace.runtime.rpc_errors import status_of
from marketplace.runtime.token_directory import TokenDirectory

SPIFFE_PREFIX: Final = "spiffe://adplatform/"
_AUTHORIZATION: Final = "authorization"
_OURS: Final = "/adplatform."

_presented: Final[ContextVar[str | None]] = ContextVar("presented", default=None)


class AccessControl:
    """See `methods.Guard`. Without tokens (a process that has no store) only certificates count."""

    def __init__(self, tokens: TokenDirectory | None, rate: int) -> None:
        """`rate`: so many calls a second for each caller; 0: without limit."""
        self._tokens = tokens
        self._services: Mapping[str, Caller] = {
            name: Caller(name=name, role=role, rate=rate) for name, role in SERVICE_ROLES.items()
        }

    def note(self, metadata: Any) -> None:
        """Keeps the call's authorization; two of them are none, for no one could say which counts."""
        presented = None
        for name, value in metadata or ():
            if name == _AUTHORIZATION:
                presented = value if presented is None else ""
        _presented.set(presented)

    def guarded(self, method: str, handler: Any) -> Any:
        """Returns the handler for those who may call the method; it raises PlatformError for others."""
        roles = roles_for(method)
        if roles is ANYONE:
            return handler
        put_behind = _admitting if method.startswith(_OURS) else _answering
        return put_behind(handler, lambda context: self._admit(roles, context))

    def _admit(self, roles: Roles, context: Any) -> None:
        caller = self._caller(context)
        caller.count()
        if caller.role not in roles:
            raise PermissionDenied
        current.set(caller)

    def _caller(self, context: Any) -> Caller:
        presented = _presented.get()
        if presented is None:
            return self._certified(context.auth_context())
        caller = self._tokens.caller_of(presented) if self._tokens else None
        if caller is None:
            raise Unauthenticated
        return caller

    def _certified(self, proved: Mapping[str, Any]) -> Caller:
        """Returns the caller that a verified certificate names."""
        for identity in proved.get("peer_spiffe_id", ()):
            name = identity.decode(errors="replace").removeprefix(SPIFFE_PREFIX)
            return self._services.get(name) or Caller(name=name, role=None)
        raise Unauthenticated


def _admitting(handler: Any, admit: Callable[[Any], None]) -> Any:
    """Puts a handler of ours behind `admit`; what that raises is turned into a status further out, and counted."""
    codec = (handler.request_deserializer, handler.response_serializer)
    if handler.unary_unary:

        async def call(request: Any, context: Any) -> Any:
            admit(context)
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(call, *codec)

    async def converse(requests: Any, context: Any) -> None:
        admit(context)
        await handler.stream_stream(requests, context)

    return grpc.stream_stream_rpc_method_handler(converse, *codec)


def _answering(handler: Any, admit: Callable[[Any], None]) -> Any:
    """Puts a handler of any other kind behind `admit`, and answers itself where that raises."""
    codec = (handler.request_deserializer, handler.response_serializer)

    async def check(context: Any) -> None:
        try:
            admit(context)
        except PlatformError as refused:
            await context.abort_with_status(rpc_status.to_status(status_of(refused)))

    if handler.response_streaming:

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            await check(context)
            async for response in (handler.stream_stream or handler.unary_stream)(request, context):
                yield response

        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(stream, *codec)
        return grpc.unary_stream_rpc_method_handler(stream, *codec)

    async def call(request: Any, context: Any) -> Any:
        await check(context)
        return await (handler.stream_unary or handler.unary_unary)(request, context)

    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(call, *codec)
    return grpc.unary_unary_rpc_method_handler(call, *codec)
