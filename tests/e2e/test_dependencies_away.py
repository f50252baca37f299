"""What a process depends on is away: it says so, holds what it has, and goes on by itself afterwards."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pyarrow.parquet as pq
import pytest
from campaigns import ACQUISITION, CLICK, CPA, CPC, VIEW, Advertiser
from mesh import START_S, Backend, MakeMesh, Mesh, Servers, allowed_s

from marketplace.ports import USER_FEEDBACK
from marketplace.runtime.archive.positions import archive_positions
from stack.settled import outbox_empty, wait_until

ROUNDS: Final = 5
BUDGET: Final = 100 * 10**9
DISK_KB: Final = 512


def act(mine: Advertiser) -> None:
    for _ in range(ROUNDS):
        ad = mine.serve_soon(allowed_s(1.0))
        for action in (VIEW, CLICK, ACQUISITION):
            mine.act(ad, action)


def refusals(mesh: Mesh) -> int:
    """Counts how often the writer has said that it cannot land what it has read."""
    return mesh.log("feedback-writer").count("cannot land, positions held")


def await_refusal(mesh: Mesh) -> None:
    before = refusals(mesh)
    wait_until("refused", lambda: refusals(mesh) > before, START_S)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, which only root may")
def test_a_full_disk_holds_the_writer_and_tears_no_file(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    archive = mesh.folder / "archive"
    with small_disk(archive):
        mesh.start()
        mine = Advertiser.create(mesh, BUDGET)
        act(mine)
        mesh.settle()
        ballast = archive / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(2 * DISK_KB * 1024))
        held = archive_positions(mesh.archive.files, USER_FEEDBACK)

        act(mine)
        await_refusal(mesh)
        assert "No space left on device" in mesh.log("feedback-writer")
        assert archive_positions(mesh.archive.files, USER_FEEDBACK) == held
        mesh.reconciled()

        ballast.unlink()
        mesh.settle()
        assert mesh.reconciled().archived_nanos == 2 * ROUNDS * CPA
        for file in archive.glob("*/dt=*/hour=*/*"):
            if file.suffix == ".parquet" and not file.name.startswith("_"):
                pq.read_table(file)
        assert mesh.supervisor.restarts == {}
        mesh.stop_all()
        mesh.archive.catalog.close()


@pytest.fixture(scope="module")
def on_servers(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("mesh")
    mesh = Mesh(folder, Backend.on(servers, folder), {})
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.close()


@pytest.mark.mesh
def test_without_the_database_feedback_is_unavailable_and_not_half_done(on_servers: Mesh, servers: Servers) -> None:
    mine = Advertiser.create(on_servers, BUDGET)
    ad = mine.serve_soon(allowed_s(1.0))
    servers.mariadb.kill()
    with pytest.raises(grpc.RpcError) as refused:
        mine.act(ad, CLICK)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert mine.serve() is not None, "ads are served from memory"
    servers.mariadb.start()
    answers = []

    def charged() -> bool:
        try:
            answers.append(mine.act(ad, CLICK))
        except grpc.RpcError as problem:
            assert problem.code() is grpc.StatusCode.UNAVAILABLE
        return bool(answers)

    wait_until("charged", charged, START_S)
    assert (answers[0].repeat, answers[0].charged_nanos) == (False, CPC)
    assert on_servers.supervisor.restarts == {}


@pytest.mark.mesh
def test_without_the_broker_feedback_commits_and_comes_through_later(on_servers: Mesh, servers: Servers) -> None:
    mine = Advertiser.create(on_servers, BUDGET)
    mine.serve_soon(allowed_s(1.0))
    servers.kafka.kill()
    act(mine)
    assert mine.campaign().spent_nanos == ROUNDS * CPA
    assert not outbox_empty(on_servers.engine)
    servers.kafka.start()
    on_servers.settle()
    assert on_servers.reconciled().in_flight_events == 0
    assert on_servers.supervisor.restarts == {}


@pytest.mark.mesh
def test_without_hive_the_writer_holds_its_position(on_servers: Mesh, servers: Servers) -> None:
    mine = Advertiser.create(on_servers, BUDGET)
    servers.hive.kill()
    act(mine)
    await_refusal(on_servers)
    held = archive_positions(on_servers.archive.files, USER_FEEDBACK)
    act(mine)
    await_refusal(on_servers)
    assert archive_positions(on_servers.archive.files, USER_FEEDBACK) == held
    servers.hive.start()
    on_servers.settle()
    assert on_servers.reconciled().in_flight_events == 0
    assert on_servers.supervisor.restarts == {}
