"""Retires days and kills itself (SIGKILL) after a step: `retiring_process.py FOLDER ARCHIVE_URL STEP`."""

import os
import signal
import sys
from datetime import date
from pathlib import Path

from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_log
from reporting.retention.days import retire_days

folder, url, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def die(step: int) -> None:
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)


topics = open_log(f"sqlite:///{folder}/log.db")
list(retire_days(open_archive(url), topics, USER_FEEDBACK, date(2027, 1, 1), die))
