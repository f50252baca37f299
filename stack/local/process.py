"""Servers as detached processes, known by pid and start time so that a reused pid is never touched."""

import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

from stack.local.errors import StackError
from stack.local.tools import tool

# The child writes its own pid file before it becomes the server: a server without one cannot exist, even if its parent
# is killed in between. $0 is the pid file, $1 the log, $2 the folder to run in.
_LAUNCH = (
    'exec </dev/null >>"$1" 2>&1; cd "$2" && cat /proc/sys/kernel/random/boot_id /proc/$$/stat >"$0.new"'
    ' && mv "$0.new" "$0" && shift 2 && exec "$@"'
)
_KILLED_S = 10.0
_SPAWNED_S = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process; boot id and start time (clock ticks since boot) tell it from a later one with the same pid."""

    boot_id: str
    pid: int
    start_ticks: int

    def alive(self) -> bool:
        """Says whether it still runs; a zombie does not."""
        if _now(self.pid) == self:
            return True
        with suppress(ChildProcessError):  # not our child, or not a zombie: nothing to reap
            os.waitpid(self.pid, os.WNOHANG)
        return False

    def age_s(self) -> float:
        """Returns the seconds since its start."""
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
        return uptime_s - self.start_ticks / os.sysconf("SC_CLK_TCK")

    def stop(self, grace_s: float) -> None:
        """Ends it by SIGTERM, and by SIGKILL after `grace_s` seconds. Returns when it is gone."""
        if not self._end(signal.SIGTERM, grace_s):
            self.kill()

    def kill(self) -> None:
        """Ends it by SIGKILL. Returns when it is gone."""
        if not self._end(signal.SIGKILL, _KILLED_S):
            raise StackError(f"process {self.pid} does not end, not even by SIGKILL")

    def _end(self, number: signal.Signals, wait_s: float) -> bool:
        """Sends a signal and says whether the process is gone after it."""
        with _pidfd(self.pid) as fd:
            if fd is None or not self.alive():
                return True
            signal.pidfd_send_signal(fd, number)
            gone = select.poll()
            gone.register(fd, select.POLLIN)
            return bool(gone.poll(wait_s * 1000)) and not self.alive()


def spawn(pid_file: Path, log: Path, folder: Path, argv: Sequence[str], env: Mapping[str, str]) -> Process:
    """Starts a program in a session of its own, so that it outlives this process and its terminal.

    What it prints goes to `log`; the log of the run before is kept beside it as `.1`. The pid file stays after its end.
    """
    pid_file.unlink(missing_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    launch = ["/bin/sh", "-c", _LAUNCH, str(pid_file), str(log), str(folder), *argv]
    os.posix_spawn("/bin/sh", launch, dict(env), setsid=True, setsigdef=[signal.SIGPIPE])
    deadline = time.monotonic() + _SPAWNED_S
    while not (child := read(pid_file)):
        if time.monotonic() >= deadline:
            raise StackError(f"{argv[0]} could not be started: see {log}")
        time.sleep(0.005)
    return child


def run(
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    within_s: float,
    each_line: Callable[[str], None] = lambda _: None,
) -> None:
    """Runs a program to its end, killed after `within_s` seconds; raises StackError with its last words if it fails.

    It ends with this process, however that ends, so that it cannot meddle with the next try.
    """
    last: deque[str] = deque(maxlen=5)
    name = Path(argv[0]).name
    argv = [tool("setpriv", "util-linux"), "--pdeathsig", "KILL", *argv]
    with Popen(
        argv, cwd=folder, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, errors="replace"
    ) as child:
        deadline = threading.Timer(within_s, child.kill)
        deadline.daemon = True
        deadline.start()
        for line in child.stdout or ():
            each_line(line)
            last.append(line.strip())
        deadline.cancel()
    if child.returncode:
        raise StackError(f"{name} failed ({child.returncode}): {' | '.join(filter(None, last))}")


def read(pid_file: Path) -> Process | None:
    """Returns the process that a pid file names, whether it still runs or not; None if it names none."""
    try:
        boot_id, stat = pid_file.read_text().split("\n", 1)
        pid, _, start_ticks = _parse(stat)
    except (FileNotFoundError, ValueError, IndexError):  # such as one left empty by a power cut
        return None
    return Process(boot_id, pid, start_ticks)


def _now(pid: int) -> Process | None:
    """Returns what runs under a pid now."""
    try:
        found, state, start_ticks = _parse(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    if state in "ZX":
        return None
    return Process(Path("/proc/sys/kernel/random/boot_id").read_text().strip(), found, start_ticks)


def _parse(stat: str) -> tuple[int, str, int]:
    """Reads pid, state and start time off a line of /proc/PID/stat (fields 1, 3 and 22 of proc(5))."""
    before, _, after = stat.rpartition(")")  # the name between may hold anything
    fields = after.split()
    return int(before.split()[0]), fields[0], int(fields[19])


@contextmanager
def _pidfd(pid: int) -> Iterator[int | None]:
    """Opens a handle on whatever runs under a pid now: it cannot come to mean another process while it is open."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
