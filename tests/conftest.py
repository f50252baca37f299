"""The servers that tests run on: one of each for the whole run, empty at its start, gone at its end.

Each test makes its own database, topics or tables there. A test may kill a server, and starts it again.
"""

from collections.abc import Iterator

import mysql.connector  # noqa: F401  # its C extension loads only before pyarrow's libraries
import pytest

from stack.local import Hive, Kafka, MariaDB, throwaway


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Kafka]:
    with throwaway(Kafka) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    with throwaway(MariaDB) as server:
        yield server


@pytest.fixture(scope="session")
def hive_server() -> Iterator[Hive]:
    with throwaway(Hive) as server:
        yield server
