"""The services, once for all tests; and the logs of a hundred thousand refusals kept to themselves."""

from collections.abc import Iterator

import pytest
import structlog
from reported import sources
from rpcs import Rpcs


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(processors=[], wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def rpcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rpcs]:
    with sources(tmp_path_factory.mktemp("reported")) as reported, Rpcs(reported) as opened:
        yield opened
