"""Every test of this folder that takes `store` runs on SQLite and on MariaDB, with an empty database of its own."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from store_cases import Store

from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate


@pytest.fixture
def mariadb_url(request: pytest.FixtureRequest) -> str:
    """The server of TEST_STORE_URL, or the tests' own; its user may create databases whose names begin alike."""
    return os.environ.get("TEST_STORE_URL") or str(request.getfixturevalue("mariadb_server").url())


@pytest.fixture
def mariadb_database(mariadb_url: str) -> Iterator[str]:
    """The URL of an empty database."""
    url = make_url(mariadb_url)
    name = f"{url.database}_{uuid.uuid4().hex[:12]}"
    server = open_engine(mariadb_url)
    with server.connect() as connection:
        # the server's default collation: what the tables need, they name themselves
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mesh)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb_database"))
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """An empty store of this version's schema."""
    engine = open_engine(store_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def fresh(store: Store, tmp_path: Path) -> Iterator[Store]:
    """Another empty database of the kind that the store is on, without tables."""
    url = make_url(store.url)
    name = f"{url.database}_{uuid.uuid4().hex[:6]}"
    if store.is_sqlite:
        name = f"{tmp_path}/fresh.db"
    else:
        with store.engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    own = url.set(database=name).render_as_string(hide_password=False)
    engine = open_engine(own)
    yield Store(engine, own)
    engine.dispose()
    if not store.is_sqlite:
        with store.engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}"))


@pytest.fixture
def store(engine: Engine, store_url: str) -> Store:
    return Store(engine, store_url)
