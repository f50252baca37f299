"""`make chaos`: load on the mesh while faults come one after another, for CHAOS_MINUTES; then the books are checked."""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import Field
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from marketplace.errors import Unavailable
from marketplace.money import format_nanos
from marketplace.runtime.logging import configure_logging
from marketplace.runtime.settings import CurrencySettings, fail, parse_settings
from reporting.terminal import print_reconciliation
from stack.chaos.faults import Fault, Kind, faults
from stack.chaos.installation import Books, ChaosFailedError, Installation
from stack.chaos.targets import Target, hit
from stack.local import Places, StackError, up
from stack.mesh import isolated
from stack.settled import NotSettledError
from stack.supervisor import NotHealthyError

PROGRAM: Final = "chaos"
_GRACE_S: Final = 600.0


class ChaosSettings(CurrencySettings):
    """Kills, stops and restarts every process and server in turn while users are at work; then checks the books."""

    chaos_minutes: float = Field(5.0, gt=0, le=24 * 60)
    """How long faults come."""

    rate: int = Field(100, ge=1, le=100_000)
    """Ad requests per second."""

    seed: int = 1
    """Decides the order of the faults and what the users do."""

    var: Path = Path("var")
    """Folder of the servers' state; logs and results are in `chaos` below it."""


def survive(targets: Mapping[str, Target], seed: int, duration_s: float, console: Console) -> Counter[tuple[str, Kind]]:
    """Does faults, one after another, until the time is over; counts those that the target has recovered from."""
    survived: Counter[tuple[str, Kind]] = Counter()
    deadline = time.monotonic() + duration_s
    for fault in faults(sorted(targets), seed):
        if time.monotonic() > deadline:
            break
        started_s = time.monotonic()
        hit(targets[fault.target], fault)
        survived[fault.target, fault.kind] += 1
        console.print(
            f"   {_described(fault)}, works again after {time.monotonic() - started_s:.1f} s", highlight=False
        )
        time.sleep(fault.calm_s)
    return survived


def holds(books: Books) -> bool:
    """Tells whether nothing is lost, twice or overspent, and every answer that users got is in the ledger."""
    charged = books.simulated["charged_nanos"]
    return (
        books.reconciled.ok
        and not books.reconciled.in_flight_events
        and not books.simulated["failed"]
        and charged == books.reconciled.ledger_nanos
    )


def main() -> None:
    """Runs the program."""
    settings = parse_settings(ChaosSettings, PROGRAM)
    configure_logging(PROGRAM, "ERROR")
    console = Console()
    name = f"adplatform_chaos_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    folder = (settings.var / "chaos" / name).absolute()
    folder.mkdir(parents=True)
    places = Places.of()
    try:
        console.print("[bold]starting servers and processes[/]")
        urls = isolated(up(places, folder / "archive", lambda line: console.print(f"   {line}")), name)
        installation = Installation(urls.environment(), folder)
        try:
            installation.start()
            duration_s = settings.chaos_minutes * 60
            console.print(f"[bold]faults for {settings.chaos_minutes:g} minutes (seed {settings.seed})[/]")
            with installation.users(settings.rate, duration_s + _GRACE_S, settings.seed):
                survived = survive(installation.targets(places), settings.seed, duration_s, console)
            books = installation.settled_books()
        finally:
            installation.close()
    except (StackError, SQLAlchemyError, Unavailable, NotHealthyError, NotSettledError, ChaosFailedError) as problem:
        fail(PROGRAM, problem)
    _show(console, survived, books, settings.currency)
    _write(folder / "chaos.json", survived, books)
    sys.exit(0 if holds(books) else 1)


def _show(console: Console, survived: Counter[tuple[str, Kind]], books: Books, currency: str) -> None:
    table = Table("", *Kind, title=f"{survived.total()} faults survived")
    for target in sorted({target for target, _ in survived}):
        table.add_row(target, *(str(survived[target, kind]) for kind in Kind))
    console.print(table)
    users = books.simulated
    console.print(
        f"Users: {users['serves']:,} ads, {users['feedbacks']:,} feedbacks answered, {users['failed']:,} calls failed; "
        f"they were told of charges of {format_nanos(users['charged_nanos'])} {currency}, "
        f"the ledger holds {format_nanos(books.reconciled.ledger_nanos)}.",
        highlight=False,
    )
    print_reconciliation(console, books.reconciled, currency)


def _write(path: Path, survived: Counter[tuple[str, Kind]], books: Books) -> None:
    counts: dict[str, dict[str, int]] = {}
    for (target, kind), count in survived.items():
        counts.setdefault(target, {})[kind.value] = count
    figures = {
        "faults": survived.total(),
        "survived": counts,
        "simulated": dict(books.simulated),
        "difference_nanos": books.reconciled.difference_nanos,
        "twice": books.reconciled.twice,
        "overspent_campaigns": books.reconciled.overspent_campaigns,
        "holds": holds(books),
    }
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _described(fault: Fault) -> str:
    pause = f" for {fault.pause_s:.1f} s" if fault.kind is Kind.PAUSE else ""
    return f"{fault.target:18} {fault.kind.value}{pause}"


if __name__ == "__main__":
    main()
