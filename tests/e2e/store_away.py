"""Runs a process whose store is away for as long as a file exists: `store_away.py FILE MODULE --listen ADDRESS ...`.

The process is the real one; every statement that it sends while the file is there fails as on a lost connection.
"""

import runpy
import sqlite3
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

away = Path(sys.argv.pop(1))


@event.listens_for(Engine, "before_cursor_execute")
def refuse(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
    """Fails while the store is away."""
    if away.exists():
        raise OperationalError(statement, None, sqlite3.OperationalError("the store is away"))


if __name__ == "__main__":
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=False)
