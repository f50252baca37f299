"""Where the local stack keeps things."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """`state`: data, pid files, ports and logs; `cache`: what was downloaded, shared by all stacks of this user."""

    state: Path
    cache: Path

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Places":
        """Reads STACK_STATE (default `var/stack`) and STACK_CACHE (default `adplatform` in the XDG cache folder)."""
        caches = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(
            state=Path(environment.get("STACK_STATE") or "var/stack").absolute(),
            cache=Path(environment.get("STACK_CACHE") or Path(caches) / "adplatform").absolute(),
        )
