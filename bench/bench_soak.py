"""An ad server under steady load for SOAK seconds (600 unless told), a thousand ads a second: does its memory grow?"""

import os
import threading
import time
from typing import Final

from bench import servers, store
from bench.bench_serve import MANY, USERS, messages
from bench.load import Load, loader
from bench.servers import Server
from bench.table import Figure

_RATE: Final = 1_000
_WARM_S: Final = 30
_MOST_GROWTH: Final = 1.05


def run() -> list[Figure]:
    """Measures memory at the start, after half of the time, and at the end; starting and warming up come on top."""
    seconds = int(os.environ.get("SOAK") or 600)
    load = loader()
    asked = messages(20_000)
    with servers.ad_server(store.filled(MANY, USERS)) as ours:
        load.paced(ours.port, asked, _RATE, _WARM_S)  # each of its caches has something in it after this
        done: list[Load] = []
        calling = threading.Thread(target=lambda: done.append(load.paced(ours.port, asked, _RATE, seconds)))
        before = ours.cpu_seconds()
        calling.start()
        held = [_held_mb(ours)]
        for _ in range(2):
            time.sleep(seconds / 2)
            held.append(_held_mb(ours))
        calling.join()
        used = ours.cpu_seconds() - before
    if not done or done[0].errors:
        raise RuntimeError(f"calls failed: {[dict(each.errors) for each in done]}")
    return [
        Figure("soak: memory at its start", held[0], "MB"),
        Figure(f"soak: memory after {seconds / 2:.0f} s", held[1], "MB"),
        Figure.beside(f"soak: memory after {seconds} s", held[2], "MB", held[0], _MOST_GROWTH),
        Figure("soak: ads a second", done[0].messages / done[0].seconds, "/s"),
        Figure("soak: CPU of the server per ad", used / done[0].messages * 1e6, "us"),
    ]


def _held_mb(server: Server) -> float:
    return server.resident_bytes() / 1e6
