"""The HTTP server beside a process's gRPC server, on the same event loop."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_START_S: Final = 10.0
_GRACE_S: Final = 3
_MAX_CONNECTIONS: Final = 1_000
_KEEP_ALIVE_S: Final = 30
_BACKLOG: Final = 256


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and says so."""
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process."""
        yield


class WebServer:
    """Serves an application until it is drained. Listens from the beginning, answers from `start` on."""

    def __init__(self, app: ASGIApp, address: str, certificate: Path | None, key: Path | None) -> None:
        """Raises OSError where the address cannot be had."""
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server(
            (host.strip("[]"), int(port)), family=family, backlog=_BACKLOG, reuse_port=False
        )
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                limit_concurrency=_MAX_CONNECTIONS,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self._ended = threading.Event()

    async def start(self) -> None:
        """Returns when the first request is answered."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        self._serving.add_done_callback(lambda _: self._ended.set())
        async with asyncio.timeout(_START_S):
            await self._server.answers.wait()

    def drain(self) -> None:
        """Takes no more requests; those in flight are answered."""
        self._server.should_exit = True

    def run(self, stop: threading.Event) -> None:
        """Waits, in a thread, until the server has ended. Raises RuntimeError where it ends by itself."""
        while not stop.is_set():
            if self._ended.wait(0.2) and not self._server.should_exit:
                raise RuntimeError("the HTTP server has ended")
            stop.wait(0.2)
        self.drain()
        self._ended.wait(_GRACE_S + 1)
