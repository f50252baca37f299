"""Live progress: a bar where a person watches, else a plain line every few seconds."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from marketplace.feedback import Action
from marketplace.money import format_nanos
from simulator.stats import Stats

_REFRESH_S: Final = 0.5
_LINE_EVERY_S: Final = 5.0


def progress_line(stats: Stats, ads_per_second: float) -> str:
    """Returns the run so far in one line, spend in units of the currency."""
    parts = [
        f"{ads_per_second:,.0f} ads/s",
        f"fill {stats.fill_rate:.1%}",
        f"{stats.actions[Action.CLICK]:,} clicks",
        f"{stats.actions[Action.ACQUISITION]:,} acquisitions",
        f"spend {format_nanos(stats.charged_nanos, 4)}",
        f"p50 {_ms(stats.serve_latency.percentile_ms(50))}",
        f"p99 {_ms(stats.serve_latency.percentile_ms(99))}",
    ]
    if stats.resent:
        parts.append(f"{stats.resent.total():,} sent again")
    if stats.failed:
        parts.append(f"{stats.failed:,} failed")
    return " · ".join(parts)


@asynccontextmanager
async def watching(stats: Stats, duration_s: float, console: Console) -> AsyncIterator[None]:
    """Shows progress on the console while its body runs."""
    show = _show_bar if console.is_terminal else _show_lines
    task = asyncio.create_task(show(stats, duration_s, console))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _show_bar(stats: Stats, duration_s: float, console: Console) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        async for rate in _rates(stats, _REFRESH_S):
            live.update(_bar(stats, duration_s, rate), refresh=True)


def _bar(stats: Stats, duration_s: float, rate: float) -> RenderableType:
    elapsed = min(stats.duration_s, duration_s)
    times = f"{elapsed:,.0f} of {duration_s:,.0f} s, {stats.in_flight:,} users in flight"
    return Group(ProgressBar(duration_s, elapsed), Text(times), Text(progress_line(stats, rate)))


async def _show_lines(stats: Stats, duration_s: float, console: Console) -> None:
    async for rate in _rates(stats, _LINE_EVERY_S):
        console.print(f"{stats.duration_s:,.0f} s: {progress_line(stats, rate)}", soft_wrap=True, highlight=False)


async def _rates(stats: Stats, every_s: float) -> AsyncIterator[float]:
    """Yields every so often how many ads a second came since the last time."""
    serves, then = stats.serves, time.monotonic()
    while True:
        await asyncio.sleep(every_s)
        now = time.monotonic()
        yield (stats.serves - serves) / (now - then)
        serves, then = stats.serves, now


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
