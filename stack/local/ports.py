"""TCP ports on 127.0.0.1 that servers keep over restarts."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from random import Random

from stack.local.errors import StackError
from stack.local.files import replace

HOST = "127.0.0.1"

# Below the range that the kernel hands to outgoing connections (32768 up): a client's own connection can neither take
# the port of a server that is down, nor connect to itself on it.
_CHOICE = range(20_000, 32_000)


def keep(path: Path, names: Sequence[str], random: Random) -> dict[str, int]:
    """Returns one port per name: the ones kept in `path`, or new ones where none is kept or another program has it.

    Only for servers that do not run: a port in use counts as taken.
    """
    kept = load(path)
    ports: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        ports[name] = port if port and free(port) else _choose(random, set(ports.values()))
    if ports != kept:
        replace(path, json.dumps(ports))
    return ports


def load(path: Path) -> dict[str, int]:
    """Returns the kept ports, none if nothing is kept."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return {str(name): int(port) for name, port in found.items()}


def free(port: int) -> bool:
    """Says whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closing connection is no bar
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listening(port: int) -> bool:
    """Says whether anyone accepts connections there."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _choose(random: Random, taken: set[int]) -> int:
    for _ in range(1000):
        port = random.choice(_CHOICE)
        if port not in taken and free(port):
            return port
    raise StackError(f"no free port found on {HOST} from {_CHOICE.start} to {_CHOICE.stop}")
