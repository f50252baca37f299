"""Every test of this folder runs on real processes; `make_backend` says where they keep their state."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from campaigns import write_stream
from mesh import Backend, MakeBackend, MakeMesh, Mesh, Servers
from traffic import Traffic, traffic_on

from stack.local import Hive, Kafka, MariaDB


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def servers(kafka_server: Kafka, mariadb_server: MariaDB, hive_server: Hive) -> Servers:
    return Servers(kafka_server, mariadb_server, hive_server)


@pytest.fixture(scope="module", params=["embedded", pytest.param("mesh", marks=pytest.mark.mesh)])
def make_backend(request: pytest.FixtureRequest) -> MakeBackend:
    """How to make an empty backend, given a folder of its own."""
    if request.param == "mesh":
        return partial(Backend.on, request.getfixturevalue("servers"))
    return Backend.embedded


@pytest.fixture(scope="module")
def make_mesh(make_backend: MakeBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeMesh]:
    """Makes a mesh on empty state; nothing of it runs yet. Keyword arguments are settings, as in the environment."""
    with ExitStack() as meshes:

        def make(**settings: str) -> Mesh:
            folder = tmp_path_factory.mktemp("mesh")
            mesh = Mesh(folder, make_backend(folder), settings)
            meshes.callback(mesh.close)
            return mesh

        yield make


@pytest.fixture(scope="module")
def mesh(make_mesh: MakeMesh) -> Mesh:
    """A mesh that runs, shared by the tests of a module: each uses campaigns of its own."""
    running = make_mesh()
    running.start()
    return running


@pytest.fixture(scope="module")
def busy(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """The mesh with some hundred campaigns, many of whose budgets run out."""
    mesh.replay(write_stream(tmp_path_factory.mktemp("stream") / "commands.jsonl"), "--rebase", "now")
    return mesh


@pytest.fixture
def traffic(busy: Mesh) -> Iterator[Traffic]:
    with traffic_on(busy) as going_on:
        yield going_on
