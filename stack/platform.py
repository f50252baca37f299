"""The platform's own processes on one machine: which there are, and what each is told."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from marketplace.runtime.credentials import PLAIN, Credentials
from marketplace.runtime.tls import TlsFiles, WatchedTls
from stack.certs import identity
from stack.supervisor import ProcessSpec

# Name, module, its port, that of its metrics. Started in this order, stopped in STOP_ORDER: who asks before who
# answers, who writes before who reads what was written.
_PROCESSES: Final = (
    ("ad-manager", "admanager", 50053, 9103),
    ("slot-manager", "admanager.slot_manager", 50054, 9104),
    ("feedback-writer", "writer", 50055, 9105),
    ("feedback-handler", "feedback", 50052, 9102),
    ("adserver", "adserver", 50051, 9101),
)
# What people look at, and nothing else needs: started after the others, stopped before them, in the order of PAGES.
_PAGES: Final = (
    ("reporting-service", "reporting.service", 50056, 9106),
    ("console", "console", 50057, 9107),
)
PAGES: Final = ("console", "reporting-service")
_PAGE_PORT: Final = 8080
STOP_ORDER: Final = ("adserver", "feedback-handler", "ad-manager", "slot-manager", "feedback-writer")
HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Platform:
    """The processes' specifications, by name."""

    specs: Mapping[str, ProcessSpec]
    page: str = ""
    """Address of the console's pages, where it is one of the processes."""

    def address(self, name: str) -> str:
        """Returns the address that a process listens on."""
        return self.specs[name].address

    def line(self, name: str) -> str:
        """Returns where a process is, for people."""
        spec = self.specs[name]
        shown = f"  pages {self.page}" if self.page and name == "console" else ""
        return f"{name:19}{spec.address:17}  metrics http://{spec.metrics}/metrics{shown}"


def plan(environment: Mapping[str, str], fixed_ports: bool = True, pages: bool = False) -> Platform:
    """Lays out the processes; each has its usual ports where they are free, otherwise others.

    `pages` adds the console and what it needs. Where CERTS in the environment names a folder of certificates, each has
    its own.
    """
    specs: dict[str, ProcessSpec] = {}
    credentials = _supervisors(environment)
    taken: set[int] = set()

    def usual_port(port: int) -> int:
        return port if fixed_ports and _is_free(port) else _free_port(taken)

    for name, module, *usual in (*_PROCESSES, *(_PAGES if pages else ())):
        address, metrics = (f"{HOST}:{usual_port(port)}" for port in usual)
        command = (sys.executable, "-m", module, "--listen", address, "--metrics-listen", metrics)
        own = {**environment, **identity(environment, name)}
        specs[name] = ProcessSpec(name, command, own, address, metrics, credentials)
    if not pages:
        return Platform(specs)
    page = f"{HOST}:{usual_port(_PAGE_PORT)}"
    for name, told in _told(specs, page).items():
        specs[name] = replace(specs[name], environment={**specs[name].environment, **told})
    return Platform(specs, f"http://{page}")


def _told(specs: Mapping[str, ProcessSpec], page: str) -> dict[str, dict[str, str]]:
    """Returns what the pages' processes are told of the others."""
    return {
        "reporting-service": {
            "WATCH": ",".join(f"{name}={spec.address}" for name, spec in specs.items()),
            "WATCH_METRICS": specs["adserver"].metrics,
        },
        "console": {
            "HTTP_LISTEN": page,
            "AD_SERVER": specs["adserver"].address,
            "FEEDBACK_HANDLER": specs["feedback-handler"].address,
            "AD_MANAGER": specs["ad-manager"].address,
            "REPORTING_SERVICE": specs["reporting-service"].address,
        },
    }


def _supervisors(environment: Mapping[str, str]) -> Credentials:
    files = identity(environment, "supervisor")
    if not files:
        return PLAIN
    return Credentials(WatchedTls(TlsFiles(*(Path(files[name]) for name in ("TLS_CERT", "TLS_KEY", "TLS_CA")))))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port(taken: set[int]) -> int:
    """Returns a free port that was not given out before, and takes it."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            taken.add(port)
            return port
