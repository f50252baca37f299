"""Where the benchmarks of feedback and archive run: servers and processes of their own, gone afterwards.

MariaDB, Kafka and Hive are those that STORE_URL, LOG_URL and ARCHIVE_URL name, or else throwaway ones; in either case
with a database and topics of their own, and files in a folder of their own.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Engine

from bench import machine
from marketplace.clock import system_clock
from marketplace.ports import Log
from marketplace.receipt import KeyRing
from marketplace.runtime.archive.open import Archive, open_archive
from marketplace.runtime.keys import create_ring, load_ring
from marketplace.runtime.log.open import open_log
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from stack.local import Hive, Kafka, MariaDB, Server, Urls, throwaway
from stack.local.together import archive_url
from stack.mesh import isolated
from stack.platform import plan
from stack.supervisor import Supervisor

S = TypeVar("S", bound=Server)

_START_S: Final = 60.0


@dataclass
class Place:
    """Store, topics, archive and processes; `pids` are the servers' and the processes', by name."""

    folder: Path
    environment: dict[str, str]
    engine: Engine
    topics: Log
    archive: Archive
    ring: KeyRing
    supervisor: Supervisor
    pids: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, *names: str, **settings: str) -> None:
        """Starts processes of the platform with these settings, and waits until they serve."""
        specs = plan(self.environment | settings, fixed_ports=False).specs
        for name in names:
            self.pids[name] = self.supervisor.start(specs[name])
            self.addresses[name] = specs[name].address
        for name in names:
            self.supervisor.wait_healthy(name, _START_S)

    def stop(self, *names: str) -> None:
        """Stops processes."""
        for name in names:
            self.supervisor.stop(name)
            del self.pids[name]

    def cpu_seconds(self) -> dict[str, float]:
        """Returns the processor time used so far, by process."""
        return {name: machine.cpu_seconds([pid]) for name, pid in self.pids.items()}


@contextmanager
def mesh_place(hive: bool = False, **settings: str) -> Iterator[Place]:
    """Opens a place on MariaDB and Kafka, and Hive if asked for."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        pids: dict[str, int] = {}

        def url_of(name: str, kind: type[Server]) -> str:
            if name in os.environ:
                return os.environ[name]
            running = stack.enter_context(throwaway(kind)).running()
            assert running
            pids[kind.name] = running.pid
            return running.url

        store, log = url_of("STORE_URL", MariaDB), url_of("LOG_URL", Kafka)
        archive = (folder / "archive").as_uri()
        if hive:
            parts = urlsplit(url_of("ARCHIVE_URL", Hive))
            archive = archive_url(f"{parts.scheme}://{parts.netloc}{parts.path}", folder / "archive")
        own = isolated(Urls(store, log, archive), f"adplatform_bench_{uuid.uuid4().hex[:12]}")
        yield stack.enter_context(_opened(folder, own.environment() | settings, pids))


@contextmanager
def embedded_place(**settings: str) -> Iterator[Place]:
    """Opens a place in files."""
    with _folder() as folder:
        urls = Urls(f"sqlite:///{folder}/store.db", f"sqlite:///{folder}/log.db", (folder / "archive").as_uri())
        with _opened(folder, urls.environment() | settings, {}) as place:
            yield place


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="adplatform-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(folder: Path, environment: dict[str, str], pids: dict[str, int]) -> Iterator[Place]:
    keys = folder / "receipt-keys.json"
    create_ring(keys, system_clock())
    engine, topics = open_engine(environment["STORE_URL"]), open_log(environment["LOG_URL"])
    archive = open_archive(environment["ARCHIVE_URL"])
    migrate(engine)
    topics.create_topics()
    environment = environment | {"RECEIPT_KEYS": str(keys), "LOG_LEVEL": "WARNING"}
    place = Place(folder, environment, engine, topics, archive, load_ring(keys), Supervisor(folder / "logs"), pids)
    try:
        yield place
    finally:
        place.supervisor.stop_all()
        topics.close()
        archive.catalog.close()
        engine.dispose()
