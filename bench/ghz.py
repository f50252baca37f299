"""ghz, a gRPC load generator written in Go: built on demand from its Go module."""

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from bench.echo import SERVICE
from bench.load import Load, Message

_VERSION: Final = "v0.120.0"
_FOLDER: Final = Path("var/bench")
_BUILD_S: Final = 300
_SLACK_S: Final = 120


class NotToBeHadError(RuntimeError):
    """ghz is not here and cannot be built; the text says why."""


class Ghz:
    """See `load.Loader`."""

    name = f"ghz {_VERSION}"

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def build(cls) -> Self:
        """Builds the program, unless it is there. Raises NotToBeHadError."""
        path = _FOLDER.absolute() / f"ghz-{_VERSION}"
        if path.exists():
            return cls(path)
        go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
        if go is None:
            raise NotToBeHadError("Go is missing")
        command = [go, "install", f"github.com/bojand/ghz/cmd/ghz@{_VERSION}"]
        try:
            subprocess.run(
                command,
                env={**os.environ, "GOBIN": str(path.parent)},
                check=True,
                capture_output=True,
                timeout=_BUILD_S,
            )
        except (subprocess.SubprocessError, OSError) as problem:
            raise NotToBeHadError(f"it cannot be built: {problem}") from problem
        (path.parent / "ghz").rename(path)
        return cls(path)

    def unary(self, port: int, messages: Sequence[Message], calls: int, at_once: int, connections: int) -> Load:
        return self._run("ServeAd", port, messages, calls, at_once, connections)

    def streams(self, port: int, messages: Sequence[Message], streams: int, at_once: int) -> Load:
        numbered = [{"sequence": n, "request": message} for n, message in enumerate(messages)]
        load = self._run("StreamAds", port, numbered, streams, at_once, at_once)
        return Load(load.messages * len(messages), load.seconds, load.errors)

    def paced(self, port: int, messages: Sequence[Message], rate: int, seconds: int) -> Load:
        return self._run("ServeAd", port, messages, rate * seconds, 16, 4, "--rps", str(rate), seconds=seconds)

    def _run(
        self,
        method: str,
        port: int,
        messages: Sequence[Mapping[str, Any]],
        calls: int,
        at_once: int,
        connections: int,
        *options: str,
        seconds: int = 0,
    ) -> Load:
        data = _FOLDER / "messages.json"
        data.write_text(json.dumps(messages))
        roots = f"protos,{sysconfig.get_path('purelib')}"
        what = ["--import-paths", roots, "--proto", "protos/adplatform/v1/ad_server.proto", "-D", str(data)]
        load = [
            "-n",
            str(calls),
            "-c",
            str(at_once),
            "--connections",
            str(connections),
            "-O",
            "json",
            "-t",
            f"{_SLACK_S}s",
            *options,
        ]
        command = [str(self._path), "--insecure", "--call", f"{SERVICE}.{method}", *what, *load, f"127.0.0.1:{port}"]
        done = subprocess.run(command, capture_output=True, timeout=seconds + _SLACK_S, check=False)
        if done.returncode:
            raise RuntimeError(f"ghz failed: {done.stderr.decode()[-500:]}")
        told = json.loads(done.stdout)
        return Load(told["count"], told["total"] / 1e9, told.get("errorDistribution") or {})
