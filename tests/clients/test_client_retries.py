"""Servers that die while the clients are at work: every answer comes once, and the books are right."""

import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from campaigns import CPC, Advertiser
from mesh import Mesh, allowed_s
from programs import Program, ended

from stack.settled import wait_until

ADS: Final = 1_000
LONG: Final = "Mugs, hand-made. " * 200  # so that no transport buffers all the ads
BEGUN: Final = 20
KILLED: Final = ("adserver", "feedback-handler")


def begun(output: Path) -> bool:
    return output.read_bytes().count(b"feedback request_id=") >= BEGUN


def test_streams_and_calls_survive_their_servers(
    programs: Mapping[str, Program], servers: Mapping[str, str], mesh: Mesh, tmp_path: Path
) -> None:
    mine = Advertiser.create(mesh, budget_nanos=1_000 * 10**9)
    mine.update(text=LONG)
    wait_until("served", lambda: (ad := mine.serve()) is not None and ad.text == LONG, allowed_s(2.0))
    settings = {**servers, "CITY": mine.city, "COUNT": str(ADS), "ACTIONS": "CLICK", "DEADLINE": "60"}
    outputs = {name: tmp_path / name for name in programs}
    running = {}
    for name, output in outputs.items():
        running[name] = programs[name].start(settings, output)
        wait_until(f"{name} at work", partial(begun, output), allowed_s(60.0))
        running[name].send_signal(signal.SIGSTOP)  # all are to be in the middle of it
    assert all(output.read_bytes().count(b"feedback") < ADS for output in outputs.values())
    for process in running.values():
        process.send_signal(signal.SIGCONT)
    for name in KILLED:
        mesh.supervisor.kill(name)
    told = {}
    for name, process in running.items():
        done = ended(process, outputs[name])
        assert done.exit_code == 0, (name, done.text[-2000:])
        assert sorted(int(ad["sequence"]) for ad in done.all("ad")) == list(range(1, ADS + 1)), name
        assert len(done.told) == ADS, name
        told.update(done.told)
    assert all(mesh.supervisor.restarts[name] >= 1 for name in KILLED)
    assert set(told.values()) == {CPC}
    assert told.items() <= mesh.ledger().items()
    assert mine.campaign().spent_nanos == sum(told.values()) == len(programs) * ADS * CPC
    mesh.settle()
    mesh.reconciled()
