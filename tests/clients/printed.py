"""Commands as they are printed in the documentation, run as a reader would: pasted into a shell."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
BIN: Final = ROOT / ".venv" / "bin"

_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    """Returns the shell blocks of a page, in order."""
    return _BLOCK.findall(page.read_text())


def paste(script: str, folder: Path, environment: Mapping[str, str], timeout_s: float) -> str:
    """Runs a block with the project's tools on the PATH; returns what it printed. Fails where a command fails."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}"
    return done.stdout
