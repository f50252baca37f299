"""An installation for chaos: two of each kind that clients call, on servers of its own folder, with users at work."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from marketplace.clock import system_clock
from marketplace.runtime.archive.open import Archive, open_archive
from marketplace.runtime.keys import create_ring
from marketplace.runtime.log.open import open_log
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from reporting.reconcile_cli import reconcile
from reporting.summary import ReconciliationSummary
from stack.chaos.targets import LocalServer, SupervisedProcess, Target
from stack.local import Hive, Kafka, MariaDB, Places
from stack.platform import STOP_ORDER, plan
from stack.settled import commands_applied, outbox_empty, topics_archived, wait_until
from stack.supervisor import Supervisor

_TWICE: Final = ("adserver", "feedback-handler", "feedback-writer")
_START_S: Final = 60.0
_SETTLE_S: Final = 120.0
_LEAVE_S: Final = 150.0
_PATIENCE_S: Final = 120  # longer than any fault lasts: every call is to be answered in the end
_USERS: Final = 1_000


class ChaosFailedError(RuntimeError):
    """A program that prepares the installation, or its users, ended with an error that it has printed itself."""


@dataclass(frozen=True)
class Books:
    """What there is to say in the end: the reconciliation, and the users' own account."""

    reconciled: ReconciliationSummary
    simulated: Mapping[str, Any]


class Installation:
    """The processes on the servers that `environment` names; `folder` holds logs and results."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **environment,
            "RECEIPT_KEYS": str(folder / "receipt-keys.json"),
            "USER_ID_KEY": str(folder / "user-id-key.json"),
            "FEEDBACK_PARTITIONS": "2",
            "SERVED_PARTITIONS": "2",
            "FILE_SECONDS": "1",
        }
        create_ring(folder / "receipt-keys.json", system_clock())
        self._engine = open_engine(environment["STORE_URL"])
        migrate(self._engine)
        self._topics = open_log(environment["LOG_URL"])
        self._archive: Archive = open_archive(environment["ARCHIVE_URL"])
        self._supervisor = Supervisor(folder / "logs")
        first, second = (plan(self._environment, fixed_ports=False).specs for _ in range(2))
        self._specs = dict(first) | {f"{name}-2": replace(second[name], name=f"{name}-2") for name in _TWICE}

    def start(self) -> None:
        """Starts every process, and brings campaigns and users. Raises NotHealthyError, NotSettledError."""
        for spec in self._specs.values():
            self._supervisor.start(spec)
        for name in self._specs:
            self._supervisor.wait_healthy(name, _START_S)
        commands, users = str(self._folder / "commands.jsonl"), str(self._folder / "users.csv")
        self._program("admanager.cli", "generate", "--out", commands)
        self._program("simulator", "users", "build", "--out", users, "--count", str(_USERS))
        self._program("simulator", "users", "load", users)
        self._program("admanager.cli", "replay", commands, "--rebase", "now")
        wait_until("commands applied", lambda: commands_applied(self._engine, self._topics), _SETTLE_S)

    def targets(self, places: Places) -> dict[str, Target]:
        """Returns everything that a fault can hit, by name."""
        servers = [kind(places.state, places.cache) for kind in (Kafka, MariaDB, Hive)]
        return {name: SupervisedProcess(self._supervisor, spec) for name, spec in self._specs.items()} | {
            server.name: LocalServer(server) for server in servers
        }

    @contextmanager
    def users(self, rate: int, longest_s: float, seed: int) -> Iterator[None]:
        """Lets users ask and act as long as the context lasts, then waits for what is in flight."""
        arguments = {
            "--ad-server": self._addresses("adserver"),
            "--feedback-handler": self._addresses("feedback-handler"),
            "--users": self._folder / "users.csv",
            "--rate": rate,
            "--duration": f"{longest_s:.0f}s",
            "--duplicates": 0.1,
            "--seed": seed,
            "--deadline-seconds": _PATIENCE_S,
            "--result": self._folder / "simulation.json",
        }
        command = self._command("simulator", "run", *(str(part) for pair in arguments.items() for part in pair))
        with (self._folder / "logs" / "simulator.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._variables(), stdout=log, stderr=log)
        try:
            yield
            if process.poll() is not None:
                raise ChaosFailedError(f"the users left with {process.returncode}; see {log.name}")
            process.terminate()
            process.wait(_LEAVE_S)
        finally:
            process.kill()
            process.wait()

    def settled_books(self) -> Books:
        """Stops the processes in good order once everything has come through, and returns the books."""
        for name in sorted(self._specs, key=lambda name: STOP_ORDER.index(name.removesuffix("-2"))):
            if name == "feedback-writer":
                wait_until("outbox sent", lambda: outbox_empty(self._engine), _SETTLE_S)
                archived = lambda: topics_archived(self._topics, self._archive.files)  # noqa: E731
                wait_until("topics archived", archived, _SETTLE_S)
            self._supervisor.stop(name)
        return Books(
            reconcile(self._engine, self._topics, self._archive),
            json.loads((self._folder / "simulation.json").read_text()),
        )

    def close(self) -> None:
        """Stops what still runs."""
        self._supervisor.stop_all()
        self._topics.close()
        self._archive.catalog.close()
        self._engine.dispose()

    def _addresses(self, name: str) -> str:
        return ",".join(spec.address for key, spec in self._specs.items() if key.removesuffix("-2") == name)

    def _program(self, module: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(module, *arguments), env=self._variables(), stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise ChaosFailedError(f"{module.partition('.')[0]} {arguments[0]} failed")

    def _command(self, module: str, *arguments: str) -> Sequence[str]:
        return (sys.executable, "-m", module, *arguments)

    def _variables(self) -> dict[str, str]:
        return {**os.environ, **self._environment}
