"""The platform's own processes on one machine: which there are, and what each is told."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stack.supervisor import ProcessSpec

# Name, module, port. Started in this order, stopped in STOP_ORDER: who asks before who answers, who writes before who
# reads what was written.
_PROCESSES: Final = (
    ("ad-manager", "admanager", 50053),
    ("slot-manager", "admanager.slot_manager", 50054),
    ("feedback-writer", "writer", 50055),
    ("feedback-handler", "feedback", 50052),
    ("adserver", "adserver", 50051),
)
STOP_ORDER: Final = ("adserver", "feedback-handler", "ad-manager", "slot-manager", "feedback-writer")
HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Platform:
    """The processes' specifications, by name."""

    specs: Mapping[str, ProcessSpec]

    def address(self, name: str) -> str:
        """Returns the address that a process listens on."""
        return self.specs[name].address


def plan(environment: Mapping[str, str], fixed_ports: bool = True) -> Platform:
    """Lays out the processes; each has its usual port where that is free, otherwise another."""
    specs = {}
    for name, module, port in _PROCESSES:
        address = f"{HOST}:{port if fixed_ports and _is_free(port) else _free_port()}"
        command = (sys.executable, "-m", module, "--listen", address)
        specs[name] = ProcessSpec(name, command, environment, address)
    return Platform(specs)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
