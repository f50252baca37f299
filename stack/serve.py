"""`make serve`: the platform's processes on this machine, on the state that is there, until Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from pydantic import Field
from rich.console import Console

from marketplace.clock import system_clock
from marketplace.runtime.keys import create_ring
from marketplace.runtime.logging import configure_logging
from marketplace.runtime.settings import Settings, fail, parse_settings
from stack.environment import embedded_environment
from stack.platform import PAGES, STOP_ORDER, plan
from stack.supervisor import NotHealthyError, Supervisor

PROGRAM: Final = "serve"
START_S: Final = 30.0


class ServeSettings(Settings):
    """Starts the platform's processes and keeps them running until Ctrl-C."""

    slot: int = Field(600, ge=1, le=86_400)
    """Length of a pacing slot in seconds."""

    var: Path = Path("var")
    """Folder of state and logs."""


def serve(var: Path, environment: Mapping[str, str], stop: threading.Event, console: Console) -> None:
    """Runs every process until `stop` is set. Raises NotHealthyError."""
    platform = plan(environment, pages=True)
    supervisor = Supervisor(var / "logs")
    try:
        for spec in platform.specs.values():
            supervisor.start(spec)
        for name in platform.specs:
            supervisor.wait_healthy(name, START_S)
            console.print(platform.line(name), highlight=False, soft_wrap=True)
        console.print("Ctrl-C stops them.")
        stop.wait()
        for name in (*PAGES, *STOP_ORDER):
            supervisor.stop(name)
    finally:
        supervisor.stop_all()


def main() -> None:
    """Runs the program."""
    settings = parse_settings(ServeSettings, PROGRAM)
    configure_logging(PROGRAM, settings.log_level)
    environment = embedded_environment(settings.var, settings.slot)
    create_ring(Path(environment["RECEIPT_KEYS"]), system_clock())
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        serve(settings.var, environment, stop, Console())
    except (NotHealthyError, OSError) as problem:
        fail(PROGRAM, problem)
    sys.exit(0)


if __name__ == "__main__":
    main()
