"""A channel whose credentials may change while it is open.

gRPC's own channel keeps the certificate that it was opened with. This one opens another when there is a new one: calls
begin on the newest, and end on the one that they began on, which is closed after the last of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import grpc
import grpc.aio

from marketplace.runtime.credentials import Credentials
from marketplace.runtime.tls import TlsState

Connect = Callable[[TlsState | None], grpc.aio.Channel]
Metadata = Sequence[tuple[str, Any]]


class _Connected:
    """One channel and how many calls are in flight on it."""

    def __init__(self, tls: TlsState | None, channel: grpc.aio.Channel) -> None:
        self.tls = tls
        self.channel = channel
        self._calls = 0
        self._left = False

    def began(self, call: Any) -> None:
        self._calls += 1
        call.add_done_callback(self._ended)

    def leave(self) -> None:
        self._left = True
        self._close_if_idle()

    def _ended(self, _: object) -> None:
        self._calls -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._left and not self._calls:
            _closing.add(task := asyncio.ensure_future(self.channel.close()))
            task.add_done_callback(_closing.discard)


_closing: Final[set["asyncio.Future[None]"]] = set()  # asyncio itself holds its tasks weakly only


class RenewedChannel(grpc.aio.Channel):
    """See the module. To be used on one event loop."""

    def __init__(self, credentials: Credentials, connect: Connect) -> None:
        self._credentials = credentials
        self._connect = connect
        tls = credentials.newest().tls
        self._connected = _Connected(tls, connect(tls))

    def newest(self) -> _Connected:
        """Returns the channel that calls begin on now."""
        tls = self._credentials.newest().tls
        if tls is not self._connected.tls:
            left, self._connected = self._connected, _Connected(tls, self._connect(tls))
            left.leave()
        return self._connected

    def metadata(self, given: Metadata | None) -> Metadata:
        """Returns a call's metadata with the token in it."""
        return (*(given or ()), *self._credentials.newest().metadata)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Closes the newest channel; one that was left closes by itself."""
        await self._connected.channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """See grpc.aio.Channel."""
        return self._connected.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """See grpc.aio.Channel."""
        await self._connected.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """See grpc.aio.Channel."""
        await self._connected.channel.channel_ready()

    def unary_unary(self, *how: Any, **options: Any) -> Any:
        """See grpc.aio.Channel."""
        return _Callable(self, "unary_unary", how, options)

    def unary_stream(self, *how: Any, **options: Any) -> Any:
        """See grpc.aio.Channel."""
        return _Callable(self, "unary_stream", how, options)

    def stream_unary(self, *how: Any, **options: Any) -> Any:
        """See grpc.aio.Channel."""
        return _Callable(self, "stream_unary", how, options)

    def stream_stream(self, *how: Any, **options: Any) -> Any:
        """See grpc.aio.Channel."""
        return _Callable(self, "stream_stream", how, options)


class _Callable:
    """A method of a service, on whichever channel is the newest."""

    def __init__(self, channel: RenewedChannel, kind: str, how: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._channel = channel
        self._kind, self._how, self._options = kind, how, options
        self._connected: _Connected | None = None
        self._call: Any = None

    def __call__(self, *request: Any, metadata: Metadata | None = None, **options: Any) -> Any:
        connected = self._channel.newest()
        if connected is not self._connected:
            self._call = getattr(connected.channel, self._kind)(*self._how, **self._options)
            self._connected = connected
        call = self._call(*request, metadata=self._channel.metadata(metadata), **options)
        connected.began(call)
        return call


class BearingInterceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Puts a token into the metadata of each call of a blocking channel."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Adds it."""
        return continuation(self._bearing(client_call_details), request)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Adds it."""
        return continuation(self._bearing(client_call_details), request_iterator)

    def _bearing(self, details: Any) -> Any:
        return details._replace(metadata=(*(details.metadata or ()), *self._metadata))
