"""`python -m stack.local up|down|status|env`: a real Kafka, MariaDB and HiveServer2 on this machine."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from stack.local.errors import StackError
from stack.local.places import Places
from stack.local.together import down, status, up, urls


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Exit code 0: done; 1: could not, with one line saying why; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python -m stack.local", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status", "env"])
    parser.add_argument(
        "--files", type=Path, default=Path("var/archive"), help="folder of the archive's Parquet files (%(default)s)"
    )
    options = parser.parse_args(argv)
    try:
        return _run(options.command, Places.of(), options.files)
    except StackError as error:
        _tell(f"stack: {error}")
        return 1
    except KeyboardInterrupt:
        _tell("stack: interrupted; what was started goes on running, `make down` stops it")
        sys.stderr.flush()
        os._exit(130)  # not waiting for the threads: a start may be cut short at any moment


def _run(command: str, places: Places, files: Path) -> int:
    if command == "down":
        down(places, _tell)
    elif command == "status":
        return _status(places)
    else:
        found = up(places, files, _tell) if command == "up" else urls(places, files)
        for name, url in found.environment().items():
            sys.stdout.write(f"export {name}={shlex.quote(url)}\n")
    return 0


def _status(places: Places) -> int:
    """Says who answers, without passwords; exit code 1 unless all do."""
    found = status(places)
    for name, server in found.items():
        state = f"answers at {server.url.rpartition('@')[2]}, process {server.pid}" if server else "does not run"
        sys.stdout.write(f"{name}: {state}\n")
    return 0 if all(found.values()) else 1


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
