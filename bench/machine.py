"""What the machine is, how busy it is, and what processes take of it."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_ESTABLISHED: Final = "01"
_LISTENING: Final = "0A"
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def describe() -> str:
    """Returns cores, model and load of the machine, for a line under a table."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else "unknown processor"
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"machine: {os.cpu_count()} cores, {model}; load (1, 5, 15 minutes): {load}"


def cpu_seconds(pids: Iterable[int]) -> float:
    """Returns the user and system time that processes have used so far, all their threads together."""
    return sum(sum(_stat(pid)[10:12]) for pid in pids) / _TICKS_A_SECOND


def resident_bytes(pids: Iterable[int]) -> int:
    """Returns the memory that processes hold."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * _PAGE_BYTES


def with_children(pid: int) -> list[int]:
    """Returns a process and those that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in with_children(int(child)))]


def listeners(port: int) -> int:
    """Counts the sockets of this machine that listen on a port."""
    return sum(state == _LISTENING for state, _ in _sockets(port))


def connections(pid: int, port: int) -> int:
    """Counts the connections to a port of this machine that a process has accepted."""
    inodes = {inode for state, inode in _sockets(port) if state == _ESTABLISHED}
    files = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    return sum(file.startswith("socket:[") and file[8:-1] in inodes for file in files)


def median(values: Sequence[float]) -> float:
    """Returns the middle one of some values."""
    return sorted(values)[len(values) // 2]


def _sockets(port: int) -> list[tuple[str, str]]:
    """Returns state and inode of the sockets that are bound to a port."""
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return [(line[3], line[9]) for line in lines if int(line[1].rpartition(":")[2], 16) == port]


def _stat(pid: int) -> list[int]:
    """Returns the numbers of /proc/PID/stat from its fourth field on, the one behind name and state."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[1:]]
