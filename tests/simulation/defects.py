"""Defects put into a run on purpose: the simulation has to see each of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

DEFECTS: dict[str, Mapping[str, Any]] = {}
"""By name: what is put in the place of what, by the dotted name of what it replaces."""


def defect(name: str, at: str, also: Mapping[str, Any] | None = None) -> Callable[[Any], Any]:
    """Registers a function that breaks something when it stands `at` a place, along with others elsewhere."""

    def register(function: Any) -> Any:
        DEFECTS[name] = {at: function, **(also or {})}
        return function

    return register


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Puts a defect into this process."""
    with ExitStack() as stack:
        for place, replacement in DEFECTS[name].items():
            stack.enter_context(patch(place, replacement))
        yield
