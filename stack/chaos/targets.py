"""What can be hurt: our own processes through their supervisor, and the servers of this machine."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from stack.chaos.faults import Fault, Kind
from stack.local import Server
from stack.settled import wait_until
from stack.supervisor import ProcessSpec, Supervisor

_RECOVER_S: Final = 90.0


class Target(Protocol):
    """Something that a fault can hit; each method returns when the target works again. Raises NotSettledError etc."""

    def kill(self) -> None:
        """Kills it by SIGKILL, and has it started again."""

    def restart(self) -> None:
        """Stops it by SIGTERM and starts it again."""

    def pause(self, seconds: float) -> None:
        """Stops it by SIGSTOP, and lets it go on after so many seconds."""


def hit(target: Target, fault: Fault) -> None:
    """Does a fault to its target, and returns when the target has recovered."""
    match fault.kind:
        case Kind.KILL:
            target.kill()
        case Kind.RESTART:
            target.restart()
        case Kind.PAUSE:
            target.pause(fault.pause_s)


class SupervisedProcess:
    """One of our processes. The supervisor starts it again when it dies."""

    def __init__(self, supervisor: Supervisor, spec: ProcessSpec) -> None:
        self._supervisor, self._spec = supervisor, spec

    def kill(self) -> None:
        name = self._spec.name
        before = self._supervisor.restarts.get(name, 0)
        self._supervisor.kill(name)
        wait_until(f"{name} restarted", lambda: self._supervisor.restarts.get(name, 0) > before, _RECOVER_S)
        self._supervisor.wait_healthy(name, _RECOVER_S)

    def restart(self) -> None:
        exit_code = self._supervisor.stop(self._spec.name)
        if exit_code:
            raise RuntimeError(f"{self._spec.name} left with {exit_code} after SIGTERM")
        self._supervisor.start(self._spec)
        self._supervisor.wait_healthy(self._spec.name, _RECOVER_S)

    def pause(self, seconds: float) -> None:
        with _stopped(self._supervisor.pid(self._spec.name)):
            time.sleep(seconds)
        self._supervisor.wait_healthy(self._spec.name, _RECOVER_S)


class LocalServer:
    """A broker, database or Hive of this machine."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def kill(self) -> None:
        self._server.kill()
        self._server.start()

    def restart(self) -> None:
        self._server.stop()
        self._server.start()

    def pause(self, seconds: float) -> None:
        running = self._server.running()
        if running is None:
            raise RuntimeError(f"{self._server.name} does not answer")
        with _stopped(running.pid):
            time.sleep(seconds)
        wait_until(f"{self._server.name} answers", lambda: self._server.running() is not None, _RECOVER_S)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
