"""The platform with its pages as the tests of the console run it: real processes on embedded state, on free ports."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import grpc
import httpx
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1.campaign_manager_pb2_grpc import CampaignManagerStub

from marketplace.clock import system_clock
from marketplace.runtime.keys import create_ring
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from stack.platform import PAGES, STOP_ORDER, plan
from stack.settled import wait_until
from stack.supervisor import Supervisor

START_S: Final = 60.0
APPLIED_S: Final = 20.0
ELSEWHERE: Final = "Elsewhere"
"""The city that campaigns reach unless told otherwise: a test that asks for ads elsewhere has no rivals."""


def allowed_s(seconds: float) -> float:
    """Returns what a limit that holds on a quiet machine is on this one: with others at work we get our share."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Running:
    """All processes. `told` adds to what some of them are told, by their names; `""` is all of them."""

    def __init__(self, folder: Path, told: Mapping[str, Mapping[str, str]] | None = None) -> None:
        keys = folder / "receipt-keys.json"
        create_ring(keys, system_clock())
        environment = {
            "STORE_URL": f"sqlite:///{folder}/store.db",
            "LOG_URL": f"sqlite:///{folder}/log.db",
            "ARCHIVE_URL": f"file://{folder}/archive",
            "RECEIPT_KEYS": str(keys),
            "FILE_SECONDS": "1",
            "AUCTION_SAMPLE": "1",
            **(told or {}).get("", {}),
        }
        planned = plan(environment, fixed_ports=False, pages=True)
        self.environment = environment
        self.page = planned.page
        self.specs = {
            name: replace(spec, environment={**spec.environment, **(told or {}).get(name, {})})
            for name, spec in planned.specs.items()
        }
        self.strange_id = self.lively_id = ""
        self.supervisor = Supervisor(folder / "logs")
        self.folder = folder
        self.engine = open_engine(environment["STORE_URL"])
        migrate(self.engine)

    def told(self, name: str, **settings: str) -> None:
        """Adds to what a process is told when it is started."""
        spec = self.specs[name]
        self.specs[name] = replace(spec, environment={**spec.environment, **settings})

    def start(self, *names: str) -> None:
        """Starts processes, all of them if none is named, and waits until they serve."""
        chosen = names or tuple(self.specs)
        for name in chosen:
            self.supervisor.start(self.specs[name])
        for name in chosen:
            self.supervisor.wait_healthy(name, START_S)

    def stop(self, name: str) -> None:
        """Stops a process with SIGTERM."""
        self.supervisor.stop(name)

    def create(self, **changed: object) -> str:
        """Creates a campaign that is open for an hour, over gRPC, and waits until that is applied; returns its id."""
        now = int(time.time())
        target = pb.Targeting(city=str(changed.pop("city", ELSEWHERE)), device=str(changed.pop("device", "")))
        fields = {
            "text": "Hand-made mugs",
            "category": "Home & Kitchen",
            "keywords": "mug,tea",
            "targeting": target,
            "cpc_nanos": 1_000_000,
            "cpa_nanos": 40_000_000,
            "budget_nanos": 10**10,
            **changed,
        }
        spec = pb.CampaignSpec(**fields)  # type: ignore[arg-type]
        spec.start_time.FromSeconds(now - 60)
        spec.end_time.FromSeconds(now + 3_600)
        with grpc.insecure_channel(self.specs["ad-manager"].address) as channel:
            manager = CampaignManagerStub(channel)
            done = manager.CreateCampaign(pb.CreateCampaignRequest(campaign=spec), timeout=10)

            def applied() -> bool:
                answer = manager.GetCommand(pb.GetCommandRequest(command_id=done.command_id), timeout=10)
                return bool(answer.state == pb.COMMAND_STATE_APPLIED)

            wait_until(f"command {done.command_id}", applied, APPLIED_S)
        return str(done.campaign_id)

    def read(self, path: str) -> str:
        """Returns a page's text."""
        return httpx.get(self.page + path, timeout=30).text

    def close(self) -> None:
        """Stops what runs."""
        for name in (*PAGES, *STOP_ORDER):
            self.supervisor.stop(name)
        self.supervisor.stop_all()
        self.engine.dispose()


@contextmanager
def fresh_platform(folder: Path) -> Iterator[Running]:
    """Runs a platform that knows of nothing."""
    platform = Running(folder)
    try:
        platform.start()
        yield platform
    finally:
        platform.close()


def until(what: str, done: Callable[[], bool], seconds: float) -> None:
    """Polls, with what this machine's load allows."""
    wait_until(what, done, allowed_s(seconds))
