"""The grpcurl and ghz commands of clients/README.md, exactly as printed there."""

import re
from collections.abc import Mapping
from pathlib import Path

from campaigns import Advertiser
from mesh import allowed_s
from printed import ROOT, blocks, paste

SHELL_S = 120.0


def test_the_commands_from_the_shell(servers: Mapping[str, str], tools: Path, mumbai: Advertiser) -> None:
    *plain, _ = blocks(ROOT / "clients" / "README.md")
    marked = "\n".join(f"echo '=== {number}'\n{block}" for number, block in enumerate(plain))
    printed = paste(marked, ROOT, servers, allowed_s(SHELL_S))
    lists, campaign, feedback, stream, load = re.split(r"=== \d\n", printed)[1:]
    assert "adplatform.v1.AdServer" in lists
    assert "string user_id = 1;" in lists
    assert "COMMAND_STATE_APPLIED" in campaign
    assert feedback.count('"charged_nanos": ') == 2
    assert feedback.count('"repeat": true') == 1
    assert '"receipt": ' in stream
    assert '"field": "ad_count"' in stream
    assert re.findall(r"\[OK\]\s+(\d+) responses", load) == ["2000", "500"], load
    mumbai.mesh.settle()
    mumbai.mesh.reconciled()
