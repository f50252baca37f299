"""Several ad servers behind one port: one that dies is started again, the others go on, and all leave together."""

import os
import signal
from pathlib import Path

from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from campaigns import CALL_S, Advertiser
from grpc import insecure_channel
from mesh import START_S, MakeMesh, Mesh

from stack.settled import wait_until

WORKERS = 2


def workers(mesh: Mesh) -> set[int]:
    pid = mesh.supervisor.pid("adserver")
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def is_served(mesh: Mesh, mine: Advertiser) -> bool:
    """Asks on a connection of its own, which may come to any of the workers."""
    own = [("grpc.use_local_subchannel_pool", 1)]
    with insecure_channel(mesh.address("adserver"), options=own) as channel:
        request = ads_pb.ServeAdRequest(user_id="anyone", city=mine.city)
        ads = AdServerStub(channel).ServeAd(request, timeout=CALL_S, wait_for_ready=True).ads
    return [ad.campaign_id for ad in ads] == [mine.campaign_id]


def test_a_worker_that_dies_is_started_again_while_the_other_serves(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(WORKERS=str(WORKERS))
    mesh.start("ad-manager", "adserver")
    mine = Advertiser.create(mesh, 10**9)
    wait_until("both are there", lambda: len(workers(mesh)) == WORKERS, START_S)  # the first to serve makes it healthy
    wait_until("every worker knows the campaign", lambda: all(is_served(mesh, mine) for _ in range(20)), START_S)
    before = workers(mesh)
    dies = min(before)
    os.kill(dies, signal.SIGKILL)
    wait_until("the dead is noticed", lambda: dies not in workers(mesh), START_S)
    assert is_served(mesh, mine)
    wait_until("there is another", lambda: len(workers(mesh)) == WORKERS, START_S)
    wait_until("every worker knows the campaign", lambda: all(is_served(mesh, mine) for _ in range(20)), START_S)
    assert mesh.stop("adserver").exit_code == 0
    assert not mesh.serving("adserver")
