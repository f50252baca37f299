"""Servers for one test: on ports of their own, with nothing in them, gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from stack.local.download import Say
from stack.local.places import Places
from stack.local.server import Server

S = TypeVar("S", bound=Server)


@contextmanager
def throwaway(kind: type[S], say: Say = lambda _: None) -> Iterator[S]:
    """Starts a new empty server beside all others, with the shared cache; kills it and removes its data at the end.

    The block may stop, kill and start it: port and data stay until the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="adplatform-"))
    server = kind(folder, Places.of().cache, say)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
