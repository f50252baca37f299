"""Servers to measure: the floor and ours, each in a process of its own, on ports of 127.0.0.1."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import machine
from marketplace.clock import system_clock
from marketplace.runtime.keys import create_ring
from stack.supervisor import is_serving

_FOLDER: Final = Path("var/bench")
_START_S: Final = 120.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `started_s` is how long it took until it could answer."""

    pid: int
    port: int
    started_s: float

    def pids(self) -> list[int]:
        """Returns the processes that do its work."""
        return machine.with_children(self.pid)

    def cpu_seconds(self) -> float:
        """Returns the processor time that it has used so far."""
        return machine.cpu_seconds(self.pids())

    def resident_bytes(self) -> int:
        """Returns the memory that it holds."""
        return machine.resident_bytes(self.pids())


@contextmanager
def echo(reply_bytes: int) -> Iterator[Server]:
    """Runs the floor, with replies of this size."""
    port = free_port()
    command = ["-m", "bench.echo", str(port), str(reply_bytes)]
    with _running(command, {}, port, lambda: machine.listeners(port) == 1) as server:
        yield server


@contextmanager
def ad_server(store: Path, workers: int = 1) -> Iterator[Server]:
    """Runs ours on a store until all its workers have said SERVING."""
    log, keys = _FOLDER.absolute() / "log.db", _FOLDER.absolute() / "receipt-keys.json"
    create_ring(keys, system_clock())
    port = free_port()
    environment = {
        "STORE_URL": f"sqlite:///{store}",
        "LOG_URL": f"sqlite:///{log}",
        "RECEIPT_KEYS": str(keys),
        "LOG_LEVEL": "WARNING",
    }
    command = ["-m", "adserver", "--listen", f"127.0.0.1:{port}", "--workers", str(workers)]

    def serves() -> bool:
        return machine.listeners(port) == workers and is_serving(f"127.0.0.1:{port}")

    try:
        with _running(command, environment, port, serves) as server:
            yield server
    finally:
        for path in _FOLDER.glob("log.db*"):
            path.unlink()


def free_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    arguments: Sequence[str], environment: dict[str, str], port: int, serves: Callable[[], bool]
) -> Iterator[Server]:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    output = (_FOLDER / "server.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, *arguments], env={**os.environ, **environment}, stdout=output, stderr=output
    )
    try:
        while not serves():
            if process.poll() is not None or time.monotonic() - start > _START_S:
                raise RuntimeError(f"{' '.join(arguments)} does not serve; see {output.name}")
            time.sleep(_POLL_S)
        yield Server(process.pid, port, time.monotonic() - start)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()
