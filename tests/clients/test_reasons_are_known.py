"""Every reason that a server gives an app is one that each client, and the documentation, has an answer to."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest
from printed import ROOT

CLIENTS: Final = ROOT / "clients"
# What only campaign managers are told.
NOT_FOR_APPS: Final = {"NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"}
GRPCS_OWN: Final = {"RESOURCE_EXHAUSTED", "CANCELLED"}
TABLES: Final = {
    "go": ("go/refusal.go", r'"([A-Z_]+)":\s+(drop|later|stop),'),
    "typescript": ("typescript/src/refusal.ts", r'^  ([A-Z_]+): "(drop|later|stop)",'),
    "java": ("java/src/main/java/adapp/Refusal.java", r'entry\("([A-Z_]+)", Then\.(DROP|LATER|STOP)\)'),
    "python": ("python/adapp/refusal.py", r'"([A-Z_]+)": "(drop|later|stop)",'),
}


def given() -> set[str]:
    """Reads the reasons out of the servers' table of errors."""
    tree = ast.parse((ROOT / "marketplace" / "runtime" / "rpc_errors.py").read_text())
    (table,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "_CODES"
    ]
    assert isinstance(table, ast.Dict)
    reasons = [value.elts[1] for value in table.values if isinstance(value, ast.Tuple)]
    return {reason.value for reason in reasons if isinstance(reason, ast.Constant) and isinstance(reason.value, str)}


def table(path: Path, row: str) -> dict[str, str]:
    return {reason: then.lower() for reason, then in re.findall(row, path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("language", TABLES)
def test_each_client_knows_every_reason(language: str) -> None:
    path, row = TABLES[language]
    known = table(CLIENTS / path, row)
    assert known.keys() - GRPCS_OWN == given() - NOT_FOR_APPS


def test_the_clients_agree() -> None:
    first, *others = (table(CLIENTS / path, row) for path, row in TABLES.values())
    assert all(other == first for other in others)


def test_the_documentation_knows_every_reason() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (CLIENTS / "README.md").read_text(), re.MULTILINE)
    assert set(rows) >= given() - NOT_FOR_APPS
