"""How many cases each test gets: `make fuzz CASES=N` runs N over all tests.

Where a case has a structure it is drawn from a seed, which is fast and does not repeat itself; where it is only bytes,
hypothesis looks for it.
"""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES: Final = int(os.environ.get("CASES") or 100_000)


def seeded(name: str, share: float) -> Iterator[random.Random]:
    """Yields a source of randomness for each of a test's cases, the same ones in each run."""
    for number in range(max(1, round(CASES * share))):
        yield random.Random(f"{name} {number}")


def bytes_found(share: float) -> Callable[[Callable[[bytes], None]], Any]:
    """Runs a test on bytes that hypothesis comes up with; it shrinks those that fail."""
    options = settings(
        max_examples=max(1, round(CASES * share)),
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    texts = st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass"))
    return lambda test: options(given(st.one_of(st.binary(max_size=150), texts))(test))
