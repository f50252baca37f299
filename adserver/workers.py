"""Several ad servers behind one port: a process each, with an index of its own, for machines with several cores.

The kernel spreads connections over the processes that listen on the port (SO_REUSEPORT). This process only starts them,
starts again what dies, and passes SIGTERM on. They end by themselves when it is gone.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

import structlog

WORKER_NUMBER: Final = "ADSERVER_WORKER_NUMBER"
_PARENT: Final = "ADSERVER_PARENT"
_POLL_S: Final = 0.5
_PAUSE_S: Final = 1.0
_STOP_S: Final = 20.0

log = structlog.get_logger()


def run_workers(count: int, arguments: Sequence[str]) -> int:
    """Runs workers with these arguments until SIGTERM or SIGINT; returns the exit code."""
    stop = threading.Event()
    for leave in (signal.SIGTERM, signal.SIGINT):
        signal.signal(leave, lambda *_: stop.set())
    workers = {number: _start(number, arguments) for number in range(count)}
    while not stop.wait(_POLL_S):
        for number, worker in workers.items():
            if worker.poll() is not None:
                log.warning("a worker died, is started again", worker=number, exit_code=worker.returncode)
                stop.wait(_PAUSE_S)
                workers[number] = _start(number, arguments)
    for worker in workers.values():
        worker.terminate()
    return max(_ended(worker) for worker in workers.values())


def watch_parent(stop: threading.Event) -> None:
    """Ends this worker, in good order, when the process that started it is gone."""
    while not stop.wait(_POLL_S):
        if os.getppid() != int(os.environ[_PARENT]):
            log.warning("the process that started this worker is gone")
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _start(number: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, WORKER_NUMBER: str(number), _PARENT: str(os.getpid())}
    # A session of its own: the terminal's Ctrl-C is for the parent, which passes it on.
    return subprocess.Popen(
        [sys.executable, "-m", "adserver.worker", *arguments], env=environment, start_new_session=True
    )


def _ended(worker: subprocess.Popen[bytes]) -> int:
    try:
        code = worker.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        code = worker.wait()
    return 0 if code == -signal.SIGTERM else abs(code)  # it may have had no time yet to learn how to leave
