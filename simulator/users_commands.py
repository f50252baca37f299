"""`simulator users build` and `simulator users load`."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from marketplace.datafiles import Progress as Report
from marketplace.datafiles import Skipped
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from simulator.population import usable
from simulator.settings import BuildSettings, LoadSettings
from simulator.users import build_users, load_ads16, load_advertising, open_users, write_users_file
from simulator.users_store import load_users


def build(settings: BuildSettings, console: Console) -> int:
    """Writes the users file. Raises DataFileError and OSError."""
    skipped = Skipped()
    advertising = load_advertising(settings.advertising, skipped) if settings.advertising else None
    ads16 = load_ads16(settings.ads16, skipped) if settings.ads16 else None
    show_skipped(skipped, console)
    with _bar(console, "users", settings.count) as report:
        users = build_users(settings.count, settings.seed, advertising, ads16)
        count = write_users_file(settings.out, users, report)
    console.print(f"wrote {count:,} users to {settings.out}", highlight=False, soft_wrap=True)
    return 0


def load(settings: LoadSettings, console: Console) -> int:
    """Loads the file into the store. Raises DataFileError, OSError, BadSettingError and Unavailable."""
    skipped = Skipped()
    people = usable(open_users(settings.file, settings.seed, skipped), skipped)
    engine = open_engine(settings.store_url)
    migrate(engine)
    with _bar(console, "users", None) as report:
        count = load_users(engine, people, report)
    engine.dispose()
    show_skipped(skipped, console)
    console.print(f"loaded {count:,} users", highlight=False)
    return 0


def show_skipped(skipped: Skipped, console: Console) -> None:
    """Prints one line for each kind of thing that was left out."""
    for line in skipped.lines():
        console.print(line, highlight=False, soft_wrap=True)


@contextmanager
def _bar(console: Console, what: str, total: int | None) -> Iterator[Report]:
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of: bar.update(task, completed=done)
