"""A writer that kills itself after a numbered step: `dying_writer.py FOLDER TOPIC STEP`."""

import os
import signal
import sys
from pathlib import Path

from writer_cases import Desk


def die_after(step: int) -> None:
    """Ends the process as kill -9 does."""
    if step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)


writer = Desk(Path(sys.argv[1])).writer(sys.argv[2], after_step=die_after)
for _ in range(100):
    writer.step()
