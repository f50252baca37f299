"""One secured mesh for all tests of this folder."""

from collections.abc import Iterator

import pytest
from secured import Secured


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    running = Secured.begin(tmp_path_factory.mktemp("secured"))
    yield running
    running.mesh.close()
