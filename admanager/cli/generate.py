"""`campaign generate`: makes a command stream of a real one's shape."""

import sys
from pathlib import Path

from pydantic import Field

from admanager.stream import generate_commands, load_titles, write_jsonl
from marketplace.clock import system_clock
from marketplace.datafiles import Skipped
from marketplace.runtime.settings import Settings


class GenerateSettings(Settings):
    """Makes a JSON-lines file of campaign commands with the shape of a real stream."""

    out: Path = Path("var/commands.jsonl")
    """File to write."""

    count: int = Field(2_000, ge=1, le=50_000_000)
    """How many commands."""

    seed: int = 1
    """Same seed, same commands, but for their times."""

    titles: Path | None = None
    """Folder of product titles (Kaggle sachsene/amazons-advertisements); default: made-up ones."""

    small_budget_share: float | None = Field(None, ge=0, le=1)
    """Share of campaigns whose budget runs out within a minute; default: 0.15 with made-up titles, else none."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        skipped = Skipped()
        titles = load_titles(self.titles, skipped) if self.titles else None
        commands = generate_commands(self.count, self.seed, system_clock(), titles, self.small_budget_share)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        count = write_jsonl(self.out, commands)
        for line in skipped.lines():
            sys.stdout.write(f"{line}\n")
        sys.stdout.write(f"{count:,} commands written to {self.out}\n")
