"""`make run`: the whole platform on this machine, from campaigns arriving to a bill that adds up."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pydantic import Field
from rich.console import Console

from marketplace.clock import system_clock
from marketplace.errors import Unavailable
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_log
from marketplace.runtime.logging import configure_logging
from marketplace.runtime.settings import BadSettingError, CurrencySettings, fail, parse_settings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from stack.certs import identity
from stack.environment import embedded_environment, fresh_embedded_state
from stack.platform import PAGES, STOP_ORDER, Platform, plan
from stack.settled import NotSettledError, commands_applied, outbox_empty, topics_archived, wait_until
from stack.summary import campaign_counts, command_counts, summarize, write_summary
from stack.supervisor import NotHealthyError, Supervisor

PROGRAM: Final = "run"
_START_S: Final = 30.0
_SETTLE_S: Final = 60.0
_MADE_USERS: Final = 10_000


class RunSettings(CurrencySettings):
    """Runs the whole platform on this machine: replays commands, simulates users, prints the bill."""

    duration: str = "60s"
    """How long to simulate, such as 60s or 1h."""

    rate: int = Field(500, ge=1, le=100_000)
    """Ad requests per second."""

    commands: Path | None = None
    """File of campaign commands, CSV or JSON lines; default: made-up ones."""

    users: Path | None = None
    """File of users, of any kind that the simulator knows; default: made-up ones."""

    seed: int = 1
    """Makes the simulated users repeatable."""

    slot: int = Field(600, ge=1, le=86_400)
    """Length of a pacing slot in seconds."""

    var: Path = Path("var")
    """Folder of the run's state, logs and report."""


class Failed(RuntimeError):
    """A step of the run ended with an error, which it has printed itself."""


class Run:
    """One run, step by step."""

    def __init__(self, settings: RunSettings, environment: Mapping[str, str], console: Console) -> None:
        self._settings = settings
        self._environment = environment
        self._console = console
        self._engine = open_engine(environment["STORE_URL"])
        self._topics = open_log(environment["LOG_URL"])
        self._archive = open_archive(environment["ARCHIVE_URL"])
        self._platform: Platform = plan({**environment, "CURRENCY": settings.currency}, pages=True)
        self._supervisor = Supervisor(settings.var / "logs")
        self._report = settings.var / "report"
        self._started_us = system_clock()

    def __call__(self) -> int:
        """Runs every step; returns the exit code: 0 only if archive and ledger agree."""
        migrate(self._engine)
        self._topics.create_topics()
        commands, users = self._input()
        self._step("starting the processes")
        try:
            started_s = time.time()
            self._start()
            counts = self._replay(commands)
            simulated = self._simulate(users)
            self._step("stopping: what is on its way lands in the archive")
            self._stop()
        finally:
            self._supervisor.stop_all()
        self._module("writer.archive_ads", "ads")
        self._step("the bill")
        report = self._program("reporting", "--out", str(self._report), "--currency", self._settings.currency)
        reconciled = json.loads((self._report / "reconciliation.json").read_text())
        summary = summarize(counts, simulated, reconciled, started_s)
        write_summary(self._report / "summary.json", summary)
        self._say(simulated)
        return report

    def _input(self) -> tuple[Path, Path]:
        self._module("admanager.cli", "keys", "create")
        commands, users = self._settings.commands, self._settings.users
        if commands is None:
            commands = self._settings.var / "commands.jsonl"
            self._module("admanager.cli", "generate", "--out", str(commands), "--seed", str(self._settings.seed))
        if users is None:
            users = self._settings.var / "users.csv"
            self._step("making users")
            size, seed = str(_MADE_USERS), str(self._settings.seed)
            self._module("simulator", "users", "build", "--out", str(users), "--count", size, "--seed", seed)
        self._module("simulator", "users", "load", str(users))
        return commands, users

    def _start(self) -> None:
        for spec in self._platform.specs.values():
            self._supervisor.start(spec)
        for name in self._platform.specs:
            self._supervisor.wait_healthy(name, _START_S)
            self._console.print(f"   {self._platform.line(name)}", highlight=False, soft_wrap=True)
        if self._environment.get("AUTH") == "tokens":
            self._step("to sign in on the pages, for a day: an operator's token")
            self._module("admanager.cli", "tokens", "create", "--role", "operator", "--days", "1", "--note", PROGRAM)

    def _replay(self, commands: Path) -> dict[str, int]:
        self._step(f"replaying {commands}")
        self._module("admanager.cli", "replay", str(commands), "--rebase", "now")
        wait_until("commands applied", lambda: commands_applied(self._engine, self._topics), _SETTLE_S)
        counts = command_counts(self._engine, self._started_us) | campaign_counts(self._engine, system_clock())
        self._console.print(
            f"   {counts['commands_applied']:,} applied, {counts['commands_repeated']:,} repeated, "
            f"{counts['commands_late']:,} late, {counts['commands_rejected']:,} rejected; "
            f"{counts['campaigns_live']:,} of {counts['campaigns']:,} campaigns are live",
            highlight=False,
            soft_wrap=True,
        )
        return counts

    def _simulate(self, users: Path) -> dict[str, Any]:
        self._step(f"simulating users for {self._settings.duration}")
        result = self._report / "simulation.json"
        result.parent.mkdir(parents=True, exist_ok=True)
        arguments = {
            "--ad-server": self._platform.address("adserver"),
            "--feedback-handler": self._platform.address("feedback-handler"),
            "--users": users,
            "--rate": self._settings.rate,
            "--duration": self._settings.duration,
            "--seed": self._settings.seed,
            "--result": result,
        }
        self._program("simulator", "run", *(str(part) for pair in arguments.items() for part in pair))
        simulated: dict[str, Any] = json.loads(result.read_text())
        return simulated

    def _stop(self) -> None:
        for name in (*PAGES, *STOP_ORDER):
            if name == "feedback-writer":
                wait_until("outbox sent", lambda: outbox_empty(self._engine), _SETTLE_S)
                archived = lambda: topics_archived(self._topics, self._archive.files)  # noqa: E731
                wait_until("topics archived", archived, _SETTLE_S)
            self._supervisor.stop(name)

    def _say(self, simulated: Mapping[str, Any]) -> None:
        for name, count in self._supervisor.restarts.items():
            self._console.print(f"{name} died and was started again {count} times", style="yellow")
        if simulated["failed"]:
            self._console.print(f"{simulated['failed']:,} calls got no answer: {simulated['errors']}", style="yellow")
        self._console.print(f"Figures: {(self._report / 'summary.json').absolute()}", highlight=False, soft_wrap=True)

    def _step(self, text: str) -> None:
        self._console.print(f"[bold]{text}[/]", highlight=False)

    def _module(self, module: str, *arguments: str) -> None:
        if self._program(module, *arguments):
            raise Failed(f"{module.partition('.')[0]} {' '.join(arguments[:2])} failed")

    def _program(self, module: str, *arguments: str) -> int:
        """Runs one of our programs in the foreground; Ctrl-C reaches it too, and it ends in good order."""
        command: Sequence[str] = (sys.executable, "-m", module, *arguments)
        environment = {**os.environ, **self._environment}
        if module == "simulator":
            environment |= identity(environment, module)
        return subprocess.run(command, env=environment, check=False).returncode


def main() -> None:
    """Runs the program."""
    settings = parse_settings(RunSettings, PROGRAM)
    for name in RunSettings.model_fields:
        os.environ.pop(name.upper(), None)  # what SEED or USERS mean to us, they need not mean to our programs
    configure_logging(PROGRAM, settings.log_level)
    signal.signal(signal.SIGINT, _ignore)  # the program in the foreground gets it too, and ends; then we go on
    try:
        environment = embedded_environment(settings.var, settings.slot)
        fresh_embedded_state(settings.var, environment)
        code = Run(settings, environment, Console())()
    except (BadSettingError, Unavailable, NotHealthyError, NotSettledError, Failed, OSError) as problem:
        fail(PROGRAM, problem)
    sys.exit(code)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Does nothing: an ignored signal would be ignored by our programs too."""


if __name__ == "__main__":
    main()
