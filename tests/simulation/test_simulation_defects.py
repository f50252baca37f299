"""The simulation can see: each of these defects, put into the code on purpose, is found within 2,000 seeds."""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from defects import DEFECTS
from run_simulation import first_to_see, workers

_MOST_SEEDS = 2_000
Found = dict[str, "Future[tuple[int, str] | None]"]


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    """What each defect leads to; looked for in all of them at the same time."""
    with workers() as pool:
        yield {name: pool.submit(first_to_see, name, _MOST_SEEDS) for name in DEFECTS}


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_the_defect_is_seen(found: Found, name: str) -> None:
    assert found[name].result(timeout=280), "no seed has failed"


def test_there_are_enough_of_them() -> None:
    assert len(DEFECTS) >= 10
