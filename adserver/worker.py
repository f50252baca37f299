"""One of several ad servers behind one port; started by `adserver --workers N`."""

import os
import sys
from typing import Final

from adserver.__main__ import PROGRAM, AdServerSettings, build
from adserver.workers import WORKER_NUMBER, watch_parent
from marketplace.runtime.process import Loop, Process, run_process

_PORT: Final = ":"


def build_worker(settings: AdServerSettings) -> Process:
    """Wires the process; its metrics are on the port that lies its number above the one of the settings."""
    if settings.metrics_listen:
        host, _, port = settings.metrics_listen.rpartition(_PORT)
        address = f"{host}{_PORT}{int(port) + int(os.environ[WORKER_NUMBER])}"
        settings = settings.model_copy(update={"metrics_listen": address})
    process = build(settings)
    process.shares_port = True
    process.loops = [*process.loops, Loop("parent", watch_parent)]
    return process


if __name__ == "__main__":
    sys.exit(run_process(PROGRAM, AdServerSettings, build_worker))
