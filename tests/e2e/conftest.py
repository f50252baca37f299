"""Every test of this folder runs on real processes; `make_backend` says where they keep their state."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from mesh import Backend, Mesh

MakeBackend = Callable[[Path], Backend]
MakeMesh = Callable[..., Mesh]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module", params=["embedded"])
def make_backend(request: pytest.FixtureRequest) -> MakeBackend:
    """How to make an empty backend, given a folder of its own."""
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
