"""Starts processes, watches them, starts again what dies, and stops them in order."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from marketplace.runtime.channel import open_blocking_channel
from marketplace.runtime.credentials import PLAIN, Credentials

_POLL_S: Final = 0.2
_STOP_S: Final = 15.0
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_CALM_S: Final = 30.0

log = structlog.get_logger()


class NotHealthyError(RuntimeError):
    """A process did not become healthy in time; the text names its log file."""


@dataclass(frozen=True)
class ProcessSpec:
    """A process to run: its command, what it adds to the environment, where it says its health and its figures."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    address: str
    metrics: str = ""
    credentials: Credentials = PLAIN
    """What its health is asked with."""


@dataclass
class _Child:
    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    started_s: float
    wanted: bool = True
    pause_s: float = _FIRST_PAUSE_S
    restart_at_s: float | None = None


@dataclass
class Supervisor:
    """Runs processes until told otherwise. `restarts` counts, by name, how often one was started again."""

    log_folder: Path
    restarts: dict[str, int] = field(default_factory=dict)
    _children: dict[str, _Child] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    def start(self, spec: ProcessSpec) -> int:
        """Starts a process and watches it from now on; returns its pid."""
        with self._lock:
            child = _Child(spec, self._spawn(spec), time.monotonic())
            self._children[spec.name] = child
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._watcher.start()
            return child.process.pid

    def pid(self, name: str) -> int:
        """Returns the pid that the process has now."""
        with self._lock:
            return self._children[name].process.pid

    def kill(self, name: str) -> None:
        """Kills a process without warning (SIGKILL); the watch starts it again."""
        with self._lock:
            self._children[name].process.kill()

    def wait_healthy(self, name: str, timeout_s: float) -> None:
        """Waits until a process says SERVING. Raises NotHealthyError."""
        deadline = time.monotonic() + timeout_s
        spec = self._children[name].spec
        while time.monotonic() < deadline:
            if is_serving(spec.address, spec.credentials):
                return
            time.sleep(_POLL_S / 2)
        raise NotHealthyError(f"{name} is not healthy after {timeout_s:.0f} s; see {self._log_file(name)}")

    def stop(self, name: str) -> int | None:
        """Stops a process in good order (SIGTERM), kills it if it does not leave; returns its exit code."""
        with self._lock:
            child = self._children.pop(name, None)
            if child is None:
                return None
            child.wanted = False
        child.process.send_signal(signal.SIGTERM)
        try:
            return child.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            log.warning("killed, it did not leave", name=name)
            child.process.kill()
            return child.process.wait(_STOP_S)

    def stop_all(self) -> None:
        """Stops what still runs, the last started first."""
        for name in reversed(list(self._children)):
            self.stop(name)
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(_POLL_S):
            with self._lock:
                for child in self._children.values():
                    self._revive(child)

    def _revive(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process.poll() is None:
            if now - child.started_s > _CALM_S:
                child.pause_s = _FIRST_PAUSE_S
            return
        name = child.spec.name
        if child.restart_at_s is None:
            log.warning("died, is started again", name=name, exit_code=child.process.returncode)
            child.restart_at_s = now + child.pause_s
            child.pause_s = min(child.pause_s * 2, _LONGEST_PAUSE_S)
        elif now >= child.restart_at_s:
            child.restart_at_s = None
            child.process, child.started_s = self._spawn(child.spec), now
            self.restarts[name] = self.restarts.get(name, 0) + 1

    def _spawn(self, spec: ProcessSpec) -> subprocess.Popen[bytes]:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        with self._log_file(spec.name).open("ab") as output:
            return subprocess.Popen(
                spec.command,
                env={**os.environ, **spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the terminal's Ctrl-C is for the supervisor, which stops them in order
            )

    def _log_file(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"


def is_serving(address: str, credentials: Credentials = PLAIN) -> bool:
    """Asks a process for its health, once."""
    with open_blocking_channel(address, credentials, only_serving=False) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)  # type: ignore[attr-defined]
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
