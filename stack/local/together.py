"""The three servers together, each started or stopped beside the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from stack.local.download import Say
from stack.local.errors import StackError
from stack.local.hive import Hive
from stack.local.kafka import Kafka
from stack.local.mariadb import MariaDB
from stack.local.places import Places
from stack.local.server import Running, Server

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Urls:
    """What a process is told to use the stack; the store's holds a password."""

    store: str
    log: str
    archive: str

    def environment(self) -> dict[str, str]:
        """Returns the URLs under the names of the settings."""
        return {"STORE_URL": self.store, "LOG_URL": self.log, "ARCHIVE_URL": self.archive}


def up(places: Places, files: Path, say: Say = lambda _: None) -> Urls:
    """Starts what does not run and returns when all three answer; harmless when they do.

    `files` is the folder of the archive's Parquet files. Raises StackError if any of them fails; the others go on
    running then, and the next `up` takes them over.
    """
    store, log, archive = _servers(places, say)
    return _urls(_all([store.start, log.start, archive.start]), files)


def down(places: Places, say: Say = lambda _: None) -> None:
    """Stops what `up` started and nothing else. Data, ports and logs stay."""

    def stop(server: Server) -> None:
        if server.stop():
            say(f"{server.name}: stopped")

    _all([partial(stop, server) for server in _servers(places, say)])


def status(places: Places) -> dict[str, Running | None]:
    """Returns by name who answers; None for one that does not."""
    servers = _servers(places)
    return dict(zip((server.name for server in servers), _all([server.running for server in servers]), strict=True))


def urls(places: Places, files: Path) -> Urls:
    """Returns the URLs of a stack that is up. Raises StackError if it is not."""
    found = status(places)
    if missing := ", ".join(name for name, server in found.items() if not server):
        raise StackError(f"not running: {missing}; start with `make up`")
    return _urls([server for server in found.values() if server], files)


def _urls(running: Sequence[Running], files: Path) -> Urls:
    store, log, archive = running
    return Urls(store.url, log.url, archive_url(archive.url, files))


def archive_url(server: str, files: Path) -> str:
    """Returns the URL of an archive: the server, and where its files are as a URL of their own."""
    return f"{server}?{urlencode({'files': files.absolute().as_uri()}, safe=':/')}"


def _servers(places: Places, say: Say = lambda _: None) -> tuple[MariaDB, Kafka, Hive]:
    where = places.state, places.cache, say
    return MariaDB(*where), Kafka(*where), Hive(*where)


def _all(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Runs tasks side by side; raises one StackError that names every failure."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(task) for task in tasks]
    failures = [str(error) for future in futures if isinstance(error := future.exception(), StackError)]
    if failures:
        raise StackError("; ".join(dict.fromkeys(failures)))  # Kafka and Hive miss the same Java
    return [future.result() for future in futures]
