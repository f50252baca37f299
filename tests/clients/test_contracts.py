"""The contracts: their style, that they break no client of the last release, and the page made from their comments."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from printed import ROOT

AD_SERVER: Final = "protos/adplatform/v1/ad_server.proto"
BREAKING: Final = {
    "a field is gone": ("  string state = 4;\n", "", "state"),
    "a field has another number": ("bytes receipt = 5;", "bytes receipt = 6;", '"5"'),
    "a field has another type": ("int32 ad_count = 6;", "int64 ad_count = 6;", "int64"),
    "a field has another name": ("string text = 3;", "string wording = 3;", "wording"),
    "a method is gone": ("  rpc ServeAd(ServeAdRequest) returns (ServeAdResponse);\n", "", "ServeAd"),
    "a method streams no more": (
        "StreamAds(stream StreamAdsRequest)",
        "StreamAds(StreamAdsRequest)",
        "client streaming",
    ),
    "a reason has another number": ("NO_LIVE_CAMPAIGN = 2;", "NO_LIVE_CAMPAIGN = 3;", "NoAdReason"),
}
COMPATIBLE: Final = {
    "a field is new": ("int32 ad_count = 6;", "int32 ad_count = 6;\n\n  // New.\n  string page = 7;"),
    "a comment changes": ("// The city.", "// The town."),
}


def buf(tools: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(tools / "buf"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def changed(folder: Path, old: str, new: str) -> Path:
    """Copies the contracts with one change; returns the folder."""
    shutil.copy(ROOT / "buf.yaml", folder)
    shutil.copytree(ROOT / "protos", folder / "protos")
    text = (folder / AD_SERVER).read_text()
    assert text.count(old) == 1, old
    (folder / AD_SERVER).write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize("target", ["protos-lint", "protos-breaking", "api-docs-check"])
def test_the_contracts_pass(tools: Path, target: str) -> None:
    command = ["make", "--no-print-directory", "-C", str(ROOT), target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_found(tools: Path, change: str, tmp_path: Path) -> None:
    old, new, named = BREAKING[change]
    done = buf(tools, changed(tmp_path, old, new), "breaking", "--against", "protos/released.binpb")
    assert done.returncode == 100, done.stdout + done.stderr
    assert f"{AD_SERVER}:" in done.stdout
    assert named in done.stdout


@pytest.mark.parametrize("change", COMPATIBLE)
def test_a_compatible_change_passes(tools: Path, change: str, tmp_path: Path) -> None:
    folder = changed(tmp_path, *COMPATIBLE[change])
    done = buf(tools, folder, "breaking", "--against", "protos/released.binpb")
    assert done.returncode == 0, done.stdout + done.stderr
    assert buf(tools, folder, "lint").returncode == 0


def test_a_field_without_a_comment_is_found(tools: Path, tmp_path: Path) -> None:
    folder = changed(tmp_path, "int32 ad_count = 6;", "int32 ad_count = 6;\n  string page = 7;")
    done = buf(tools, folder, "lint")
    assert done.returncode == 100
    assert 'Field "page" should have a non-empty comment' in done.stdout


def test_every_contract_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    for proto in (ROOT / "protos" / "adplatform" / "v1").glob("*.proto"):
        text = proto.read_text()
        assert f"## {proto.name}\n" in page
        for message in re.findall(r"^(?:message|enum) (\w+)", text, re.MULTILINE):
            assert f"\n### {message}\n" in page
        for method in re.findall(r"^  rpc (\w+)", text, re.MULTILINE):
            assert re.search(rf"^#### \w+\.{method}$", page, re.MULTILINE), method
    assert not re.search(r"^\| \d+ \|.*\|  \|$", page, re.MULTILINE), "something has no comment"
