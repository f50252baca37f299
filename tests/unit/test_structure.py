"""Which way imports go, and how long files may be."""

import ast
import importlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("adserver", "feedback", "admanager", "writer", "simulator", "reporting", "console")
SOURCES = sorted(path for name in (*SERVICES, "marketplace", "stack") for path in (ROOT / name).rglob("*.py"))
PURE = (
    "adserver/auction.py",
    "adserver/bitsets.py",
    "adserver/chunk.py",
    "adserver/columns.py",
    "adserver/ids.py",
    "adserver/index.py",
    "adserver/table.py",
    "adserver/vocabulary.py",
    "admanager/commands.py",
    "admanager/fields.py",
    "admanager/lifecycle.py",
    "feedback/charging.py",
    "marketplace/bids.py",
    "marketplace/campaign.py",
    "marketplace/money.py",
    "marketplace/slots.py",
    "console/fields.py",
    "console/shown.py",
    "reporting/reconcile.py",
    "reporting/service/course.py",
    "reporting/service/estimate.py",
    "reporting/service/sample.py",
    "reporting/service/share.py",
    "reporting/service/traffic.py",
    "simulator/behaviour.py",
    "writer/batching.py",
    "writer/sequence.py",
)
EDGES = ("servicer.py", "wire.py", "manage.py", "__main__.py", "rpc_errors.py", "methods.py")
CLIENTS = ("console",)  # all that it does is calling
OUTSIDE = {"sqlalchemy", "grpc", "kafka", "pyhive", "pyarrow", "duckdb", "structlog", "mysql", "rich", "pydantic"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_services_never_import_each_other() -> None:
    for path in SOURCES:
        own = path.relative_to(ROOT).parts[0]
        crossed = [module for module in imports(path) if module.partition(".")[0] in set(SERVICES) - {own}]
        assert not crossed or own == "stack", name(path)


def test_pure_files_import_nothing_that_does_input_or_output() -> None:
    for path in PURE:
        for module in imports(ROOT / path):
            assert module.partition(".")[0] not in OUTSIDE, (path, module)
            assert not module.startswith("marketplace.runtime"), (path, module)


def test_only_servicers_wires_and_clients_touch_protobuf() -> None:
    for path in SOURCES:
        touches = any(module.startswith(("adplatform", "google.protobuf")) for module in imports(path))
        edge = path.name in EDGES or path.name.endswith("_wire.py") or path.parent.name == "simulator"
        client = path.relative_to(ROOT).parts[0] in CLIENTS
        assert edge or client or not touches, name(path)


def test_no_file_is_two_files() -> None:
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]:
        assert len(path.read_text().splitlines()) <= 300, name(path)


def test_nothing_opens_a_socket_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened at import")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    for path in SOURCES:
        if "migrations" not in path.parts and path.parts[-2:] != ("cli", "__main__.py"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
