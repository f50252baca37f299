"""The platform's processes as tests run them: real ones, on free ports, watched by the supervisor."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import grpc
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.campaign_manager_pb2_grpc import CampaignManagerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from sqlalchemy import select

from marketplace.clock import system_clock
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, Message
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.keys import create_ring
from marketplace.runtime.log.open import open_log
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.schema import ledger
from marketplace.runtime.store.transactions import reading
from reporting.reconcile_cli import reconcile
from reporting.summary import ReconciliationSummary
from stack.local import Hive, Kafka, MariaDB, Urls
from stack.local.together import archive_url
from stack.mesh import isolated
from stack.platform import STOP_ORDER, plan
from stack.settled import commands_applied, outbox_empty, topics_archived, wait_until
from stack.supervisor import Supervisor, is_serving

MakeBackend = Callable[[Path], "Backend"]
MakeMesh = Callable[..., "Mesh"]

START_S: Final = 60.0
SETTLE_S: Final = 60.0
_PROGRAM_S: Final = 120.0


def allowed_s(seconds: float) -> float:
    """Returns what a limit that holds on a quiet machine is on this one: with others at work we get our share."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass(frozen=True)
class Backend:
    """Where a mesh keeps its state."""

    store_url: str
    log_url: str
    archive_url: str

    @classmethod
    def embedded(cls, folder: Path) -> Self:
        """Returns files in a folder."""
        return cls(f"sqlite:///{folder}/store.db", f"sqlite:///{folder}/log.db", f"file://{folder}/archive")

    @classmethod
    def on(cls, servers: "Servers", folder: Path) -> Self:
        """Returns a database, topics and Hive tables of its own on the servers; the archive's files in a folder."""
        found = Urls(servers.mariadb.url(), servers.kafka.url(), archive_url(servers.hive.url(), folder / "archive"))
        own = isolated(found, f"adplatform_e2e_{uuid.uuid4().hex[:12]}")
        return cls(own.store, own.log, own.archive)


@dataclass(frozen=True)
class Servers:
    """The real ones; a test may kill them, and starts them again."""

    kafka: Kafka
    mariadb: MariaDB
    hive: Hive


@dataclass(frozen=True)
class Stopped:
    """How a process left after SIGTERM."""

    exit_code: int | None
    seconds: float


class Mesh:
    """The five processes and everything a test asks of them. `close` stops what runs, whatever happened before."""

    def __init__(self, folder: Path, backend: Backend, settings: Mapping[str, str]) -> None:
        self._backend, self._settings = backend, settings
        keys = folder / "receipt-keys.json"
        create_ring(keys, system_clock())
        self.folder = folder
        self.environment = {
            "STORE_URL": backend.store_url,
            "LOG_URL": backend.log_url,
            "ARCHIVE_URL": backend.archive_url,
            "RECEIPT_KEYS": str(keys),
            "USER_ID_KEY": str(folder / "user-id-key.json"),
            "FILE_SECONDS": "1",
            **settings,
        }
        self.supervisor = Supervisor(folder / "logs")
        self.specs = dict(plan(self.environment, fixed_ports=False).specs)
        self.running: list[str] = []
        self.engine = open_engine(backend.store_url)
        migrate(self.engine)
        self.topics = open_log(backend.log_url)
        self.topics.create_topics()
        self.archive = open_archive(backend.archive_url)
        self._channels: dict[str, grpc.Channel] = {}

    def reopened(self) -> "Mesh":
        """Returns another mesh on the same state; none of its processes runs yet."""
        return Mesh(self.folder, self._backend, self._settings)

    def start(self, *names: str) -> None:
        """Starts processes, all of them if none is named, and waits until they serve."""
        chosen = names or tuple(self.specs)
        for name in chosen:
            self.supervisor.start(self.specs[name])
            self.running.append(name)
        for name in chosen:
            self.supervisor.wait_healthy(name, START_S)

    def start_another(self, name: str) -> str:
        """Starts a second process of a kind; returns its name."""
        spec = plan(self.environment, fixed_ports=False).specs[name]
        self.specs[f"{name}-2"] = replace(spec, name=f"{name}-2")
        self.start(f"{name}-2")
        return f"{name}-2"

    def stop(self, name: str) -> Stopped:
        """Stops a process with SIGTERM."""
        started = time.monotonic()
        self.running.remove(name)
        return Stopped(self.supervisor.stop(name), time.monotonic() - started)

    def stop_all(self) -> dict[str, Stopped]:
        """Stops every process in the order of `make run`, each when nothing is on its way to it any more."""
        ordered = sorted(self.running, key=lambda name: STOP_ORDER.index(name.removesuffix("-2")))
        stopped = {}
        for name in ordered:
            if name == "feedback-writer":
                self.settle()
            stopped[name] = self.stop(name)
        return stopped

    def kill(self, name: str) -> None:
        """Kills a process (SIGKILL) and waits until the supervisor's new one serves."""
        before = self.supervisor.restarts.get(name, 0)
        self.supervisor.kill(name)
        wait_until(f"{name} restarted", lambda: self.supervisor.restarts.get(name, 0) > before, START_S)
        self.supervisor.wait_healthy(name, START_S)

    def serving(self, name: str) -> bool:
        """Asks for the health of a process, running or not."""
        return is_serving(self.specs[name].address)

    def address(self, *names: str) -> str:
        """Returns the addresses of processes, as clients of several take them."""
        return ",".join(self.specs[name].address for name in names)

    def log(self, name: str) -> str:
        """Returns what a process has logged."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    @property
    def ads(self) -> AdServerStub:
        """Returns a client of the ad server."""
        return AdServerStub(self._channel("adserver"))

    @property
    def feedback(self) -> FeedbackHandlerStub:
        """Returns a client of the feedback handler."""
        return FeedbackHandlerStub(self._channel("feedback-handler"))

    @property
    def manager(self) -> CampaignManagerStub:
        """Returns a client of the ad manager."""
        return CampaignManagerStub(self._channel("ad-manager"))

    def program(self, module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs one of the command-line programs to its end."""
        command = [sys.executable, "-m", module, *arguments]
        environment = {**os.environ, **self.environment, "COLUMNS": "200"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PROGRAM_S, check=False)

    def publish_commands(self, values: Sequence[bytes]) -> None:
        """Puts messages on the command topic as another producer would."""
        publisher = self.topics.publisher()
        publisher.publish(COMMANDS, [Message(None, value) for value in values])
        publisher.close()

    def replay(self, file: Path, *options: str) -> None:
        """Replays a file of commands and waits until they are applied."""
        done = self.program("admanager.cli", "replay", *options, str(file))
        assert done.returncode == 0, done.stderr
        self.settle_commands()

    def settle_commands(self) -> None:
        """Waits until every command on the topic is applied."""
        wait_until("commands applied", lambda: commands_applied(self.engine, self.topics), SETTLE_S)

    def settle(self) -> None:
        """Waits until what was acknowledged has landed in the archive."""
        wait_until("outbox sent", lambda: outbox_empty(self.engine), SETTLE_S)
        wait_until("topics archived", lambda: topics_archived(self.topics, self.archive.files), SETTLE_S)

    def ledger(self) -> dict[tuple[str, Action], int]:
        """Returns what was charged for each action on each serve, in nanos."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(ledger.c.request_id, ledger.c.action, ledger.c.charged_nanos))
            return {(row.request_id, Action(row.action)): row.charged_nanos for row in rows}

    def reconciled(self) -> ReconciliationSummary:
        """Compares archive, ledger and topic, and insists that they agree."""
        found = reconcile(self.engine, self.topics, self.archive)
        assert found.ok, found.findings
        assert (found.difference_nanos, found.twice, found.gaps, found.overspent_campaigns) == (0, 0, 0, 0)
        return found

    def close(self) -> None:
        """Stops what still runs and closes every connection."""
        try:
            for name in sorted(self.running, key=lambda name: STOP_ORDER.index(name.removesuffix("-2"))):
                self.supervisor.stop(name)
        finally:
            self.supervisor.stop_all()
            for channel in self._channels.values():
                channel.close()
            self.topics.close()
            self.archive.catalog.close()
            self.engine.dispose()

    def _channel(self, name: str) -> grpc.Channel:
        if name not in self._channels:  # without retries: a test sees what each call ends with
            options = [("grpc.max_reconnect_backoff_ms", 500)]
            self._channels[name] = grpc.insecure_channel(self.specs[name].address, options=options)
        return self._channels[name]
