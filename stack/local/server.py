"""What the three servers have in common: start or adopt, wait until it answers, stop, kill."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import ClassVar

from stack.local import ports, process
from stack.local.download import Say
from stack.local.errors import StackError
from stack.local.files import locked

CONF = Path(__file__).parent / "conf"

_LOCK_S = 2400.0  # another process may be downloading
_ADOPT_S = 10.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Launch:
    """How to run a server: the program with its arguments, and its environment."""

    argv: Sequence[str]
    environment: Mapping[str, str]


class Server(ABC):
    """One server of this machine, known by the folder that holds its data, ports, pid file and logs.

    Any process may start, stop or kill it, at any moment; after any crash the next `start` works. A restart keeps the
    data, and the port unless another program has taken it.
    """

    name: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    ready_s: ClassVar[float]
    stop_s: ClassVar[float]

    def __init__(self, state: Path, cache: Path, say: Say = lambda _: None) -> None:
        self.home = state.absolute() / self.name
        self.cache = cache.absolute()
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.say = say
        self._pid_file = self.home / "pid"
        self._lock = self.home / "lock"

    @abstractmethod
    def fetch(self) -> Path:
        """Returns where the software is; downloads it if needed."""

    @abstractmethod
    def prepare(self, software: Path) -> None:
        """Makes what must be there before the first start; harmless when it is."""

    @abstractmethod
    def launch(self, software: Path) -> Launch:
        """Writes the configuration and returns how to run the server."""

    @abstractmethod
    def answers(self) -> bool:
        """Asks the server something that only a working one can answer; within a few seconds."""

    @abstractmethod
    def url(self) -> str:
        """Returns how clients reach it."""

    def failed(self) -> bool:
        """Says whether the log of this run shows that it will never answer."""
        return False

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports by name; none before the first start."""
        return ports.load(self.home / "ports.json")

    def start(self) -> Running:
        """Starts it, or takes over the one that runs, and returns when it answers. Raises StackError."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with locked(self._lock, _LOCK_S):
            return self._adopt() or self._launch()

    def stop(self) -> bool:
        """Stops it if it runs; True if it did. The data stay."""
        if not self.home.is_dir():
            return False
        with locked(self._lock, _LOCK_S):
            child = self._process()
            if child:
                child.stop(self.stop_s)
            return child is not None

    def kill(self) -> None:
        """Kills it by SIGKILL, if it runs, also in the middle of its start."""
        child = self._process()
        if child:
            child.kill()

    def running(self) -> Running | None:
        """Returns it if it runs and answers."""
        child = self._process()
        return Running(self.url(), child.pid) if child and self.answers() else None

    def _process(self) -> process.Process | None:
        child = process.read(self._pid_file)
        return child if child and child.alive() else None

    def _adopt(self) -> Running | None:
        child = self._process()
        if not child:
            return None
        if self._await(child, max(_ADOPT_S, self.ready_s - child.age_s())):
            return Running(self.url(), child.pid)
        self.say(f"{self.name}: process {child.pid} does not answer, starting it anew")
        child.stop(self.stop_s)
        return None

    def _launch(self) -> Running:
        software = self.fetch()
        self.prepare(software)
        ports.keep(self.home / "ports.json", self.port_names, SystemRandom())
        launch = self.launch(software)
        child = process.spawn(self._pid_file, self.log, self.home, launch.argv, launch.environment)
        if not self._await(child, self.ready_s):
            failure = StackError(f"{self.name} does not start; {self.log} ends with: {self._last_words()}")
            child.stop(self.stop_s)
            raise failure
        self.say(f"{self.name}: answers after {child.age_s():.1f} s, process {child.pid}")
        return Running(self.url(), child.pid)

    def _await(self, child: process.Process, wait_s: float) -> bool:
        deadline = time.monotonic() + wait_s
        while not self.answers():
            if not child.alive() or self.failed() or time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return child.alive()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or "nothing"
