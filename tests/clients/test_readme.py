"""README.md's round trip by hand, exactly as printed there, but for ports that are taken here."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from mesh import allowed_s
from printed import ROOT, blocks, paste

from stack.settled import wait_until

SHELL_S = 60.0
SERVING_S = 60.0
SETTLED_S = 30.0
USUAL_PORTS = {"adserver": 50051, "feedback-handler": 50052, "ad-manager": 50053, "reporting-service": 50056}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What `make serve` prints, run in an empty folder: the address of each process by its name."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "stack.serve"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    ending = threading.Timer(allowed_s(SERVING_S), process.terminate)
    ending.start()
    addresses: dict[str, str] = {}
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            break
        name, address, *_ = line.split()
        addresses[name] = address
    ending.cancel()
    yield addresses
    process.terminate()
    assert process.wait(SERVING_S) == 0


def test_the_round_trip_by_hand(serving: Mapping[str, str], tools: Path, tmp_path: Path) -> None:
    def run(block: str) -> str:
        for name, port in USUAL_PORTS.items():
            block = block.replace(f"localhost:{port}", serving[name])
        return paste(block, tmp_path, {"AD_MANAGER": serving["ad-manager"]}, allowed_s(SHELL_S))

    campaign, round_trip, reporting = blocks(ROOT / "README.md")
    assert "Hand-made mugs" in run(campaign), "the list cuts off what a pipe reads"
    wait_until("an ad", lambda: "Hand-made mugs" in run(_asking_in(round_trip)), allowed_s(SETTLED_S))
    done = run(round_trip)
    assert "adplatform.v1.AdServer" in done
    assert re.findall(r'"charged_nanos": "(\d+)"', done) == ["700000", "700000"]
    assert done.count('"repeat": true') == 1

    def billed() -> bool:
        run("archive ads && report --out bill")
        return "0.000700000" in (tmp_path / "bill" / "bill.csv").read_text()

    wait_until("the click on the bill", billed, allowed_s(SETTLED_S))
    told = re.split(r"^(?={)", run(reporting), flags=re.MULTILINE)[1:]
    bill, report, overview = (json.loads(answer) for answer in told)
    assert bill["total"]["charged_nanos"] == "700000"
    assert report["rows"]
    assert overview["processes"]


def _asking_in(round_trip: str) -> str:
    """Returns the part of the block that asks for an ad."""
    found = re.search(r"grpcurl -plaintext -d .*?ServeAd", round_trip, re.DOTALL)
    assert found
    return found[0]
