"""The example programs, built as their READMEs say in a copy of the checkout: what is not committed is not there."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import pytest
from printed import ROOT, blocks, paste

from marketplace.feedback import Action

BUILD_S: Final = 600.0
_RUN_S: Final = 300.0


@dataclass(frozen=True)
class Language:
    """A folder of clients/, what must be on the machine for it, and what to install where that is missing."""

    folder: str
    needs: tuple[str, ...]
    install: str
    needs_tools: bool = False

    def missing(self) -> str:
        """Returns a sentence for people, or nothing."""
        absent = [name for name in self.needs if not shutil.which(name)]
        return f"clients/{self.folder}: {', '.join(absent)} missing: install {self.install}" if absent else ""


LANGUAGES: Final = (
    Language("go", ("go", "npm"), "Go 1.26 or later and Node.js 20 or later, with npm", needs_tools=True),
    Language("typescript", ("node", "npm"), "Node.js 20 or later, with npm"),
    Language("java", ("java", "javac", "mvn"), "a JDK, 17 or later, and Maven"),
    Language("python", ("python3",), "Python 3.11 or later, with venv"),
)
TOOLS: Final = Language("tools", ("go", "npm"), "Go 1.26 or later and Node.js 20 or later, with npm")


def demand(language: Language) -> None:
    """Skips the test where the toolchain is missing, and says which; with CI=true that is a failure."""
    if missing := language.missing():
        end = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        end(missing)


def copied(folder: Path) -> Path:
    """Copies what the clients are made of; returns where to."""
    made = shutil.ignore_patterns("gen", "build", "dist", "node_modules", "target", ".venv", "__pycache__", ".*_cache")
    for part in ("clients", "protos"):
        shutil.copytree(ROOT / part, folder / part, ignore=made)
    shutil.copy(ROOT / "buf.yaml", folder)
    return folder / "clients"


@dataclass(frozen=True)
class Outcome:
    """What a run printed, line by line as `kind name=value name=value`, and how it ended."""

    exit_code: int
    text: str
    lines: list[tuple[str, dict[str, str]]]

    @classmethod
    def of(cls, exit_code: int, text: str) -> Self:
        return cls(exit_code, text, [_parsed(line) for line in text.splitlines() if not line.startswith("adapp:")])

    def all(self, kind: str) -> list[dict[str, str]]:
        """Returns the lines of a kind."""
        return [fields for found, fields in self.lines if found == kind]

    @property
    def told(self) -> dict[tuple[str, Action], int]:
        """Returns what was charged for each action on each serve, in nanos."""
        return {
            (line["request_id"], Action[line["action"]]): int(line["charged_nanos"]) for line in self.all("feedback")
        }

    @property
    def summary(self) -> dict[str, int]:
        """Returns the sums that are not 0."""
        (summary,) = self.all("summary")
        return {name: int(value) for name, value in summary.items() if value != "0"}


@dataclass
class Program:
    """One client. What it prints goes to a file, so that a test can look while it runs."""

    folder: Path
    build: str
    run_line: str
    running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads the README: how to build, and how to run with CITY and COUNT as printed there."""
        build, run_line = blocks(folder / "README.md")
        return cls(folder, build, run_line)

    def make(self) -> Self:
        """Builds it."""
        paste(self.build, self.folder, {}, BUILD_S)
        return self

    def start(self, environment: Mapping[str, str], output: Path) -> "subprocess.Popen[bytes]":
        """Starts it with settings of the test in place of the printed ones."""
        line = re.sub(r"\b(CITY|COUNT)=\S+ ", "", self.run_line)
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec env {line}"],
                cwd=self.folder,
                env={**os.environ, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        return process

    def run(self, environment: Mapping[str, str], output: Path) -> Outcome:
        """Runs it to its end."""
        return ended(self.start(environment, output), output)

    def close(self) -> None:
        """Ends what still runs."""
        for process in self.running:
            process.kill()
            process.wait()


Builds = dict[str, "Future[Program]"]
"""The builds under way, by the folder's name."""


def ended(process: "subprocess.Popen[bytes]", output: Path) -> Outcome:
    """Waits for the end of a run."""
    exit_code = process.wait(_RUN_S)
    return Outcome.of(exit_code, output.read_text())


def _parsed(line: str) -> tuple[str, dict[str, str]]:
    kind, _, rest = line.partition(" ")
    rest, _, text = rest.partition(" text=")
    fields = dict(part.partition("=")[::2] for part in rest.split())
    return kind, {**fields, "text": text} if text else fields
