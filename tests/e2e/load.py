"""Load with a memory: simulated users whose acknowledged feedback is kept, and callers that never try twice."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, Self

import grpc
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import campaign_manager_pb2 as manager_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from campaigns import outcome_of
from mesh import Mesh

from marketplace.feedback import Action
from marketplace.runtime.channel import open_channel
from simulator.asking import Asker, Patience
from simulator.behaviour import Habits, plan_visit
from simulator.pacing import on_schedule
from simulator.population import Population
from simulator.stats import Stats
from simulator.stream import Simulation
from simulator.users import build_users
from stack.settled import wait_until

LONGEST_S: Final = 120.0
CLEAR_ENDS: Final = {"OK", "UNAVAILABLE"}  # a call that is not made again ends with one of these, whatever dies
_CALL_S: Final = 20.0  # more than a broker and a database that are both away take up
_CALLER_PAUSE_S: Final = 0.1


class Acknowledged:
    """Every feedback that a client was told is charged. Asks like the asker that it wraps."""

    def __init__(self, asker: "Asker[Any, Any]") -> None:
        self._asker = asker
        self.charged_nanos: dict[tuple[str, Action], int] = {}
        self.contradictions: list[str] = []

    async def ask(self, request: feedback_pb.StreamFeedbackRequest) -> feedback_pb.StreamFeedbackResponse:
        """Asks, and remembers the answer."""
        action = Action(request.request.action)
        answer: feedback_pb.StreamFeedbackResponse = await self._asker.ask(request)
        key, charged = (answer.response.request_id, action), answer.response.charged_nanos
        if self.charged_nanos.setdefault(key, charged) != charged:
            self.contradictions.append(f"{key}: {self.charged_nanos[key]}, then {charged}")
        return answer


class Load:
    """Simulated users in a thread, as long as the context lasts; then what is in flight is waited for."""

    def __init__(self, mesh: Mesh, rate: float, habits: Habits, servers: tuple[str, str], seed: int) -> None:
        self._addresses = [mesh.address(*names.split(",")) for names in servers]
        self._rate, self._habits, self._seed = rate, habits, seed
        self._simulation: Simulation
        self._loop: asyncio.AbstractEventLoop
        self._began = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)
        self.stats = Stats()
        self.acknowledged: Acknowledged

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._began.wait(_CALL_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._simulation.stop)
        self._thread.join(LONGEST_S)
        assert not self._thread.is_alive(), "calls are in flight for ever"

    def await_feedback(self, more: int, within_s: float) -> None:
        """Waits until so many more feedbacks were acknowledged. Raises NotSettledError."""
        enough = self.stats.feedbacks + more
        wait_until(f"{more} more feedbacks", lambda: self.stats.feedbacks >= enough, within_s)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        people = Population(build_users(200, self._seed))
        async with AsyncExitStack() as stack:
            to_ads, to_feedback = [await stack.enter_async_context(open_channel(each)) for each in self._addresses]
            open_ads = partial(AdServerStub(to_ads).StreamAds, wait_for_ready=True)
            open_feedback = partial(FeedbackHandlerStub(to_feedback).StreamFeedback, wait_for_ready=True)
            ads: Any = await stack.enter_async_context(Asker(open_ads, 4, Patience(), self.stats.resent))
            feedback: Any = await stack.enter_async_context(Asker(open_feedback, 4, Patience(), self.stats.resent))
            self.acknowledged = Acknowledged(feedback)
            plan = partial(plan_visit, self._seed, people=people, habits=self._habits)
            visits: Any = self.acknowledged
            self._simulation = Simulation(ads, visits, plan, self.stats, max_visits=500)
            running = asyncio.ensure_future(
                self._simulation.run(on_schedule(self._rate, LONGEST_S, time.monotonic, asyncio.sleep))
            )
            await asyncio.sleep(0)  # now it can be stopped
            self._began.set()
            await running


def under_load(
    mesh: Mesh,
    rate: float = 150.0,
    habits: Habits = Habits(think_s=0.02),  # noqa: B008  # frozen
    servers: tuple[str, str] = ("adserver", "feedback-handler"),
    seed: int = 1,
) -> Load:
    """Returns load on a mesh; `servers` are the names of ad servers and handlers, with commas between."""
    return Load(mesh, rate, habits, servers, seed)


class Callers:
    """Calls to ad server and ad manager, one after the other and never again; counts how each ended.

    `submitted` are the commands that the ad manager acknowledged.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(once,)) for once in (self._serve, self._submit)]
        self.ends: Counter[str] = Counter()
        self.submitted: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _CALL_S)

    def outcomes(self) -> Counter[int]:
        """Waits for each acknowledged command; returns what became of them."""
        return Counter(outcome_of(self._mesh, command_id) for command_id in self.submitted)

    def _call(self, once: Callable[[], None]) -> None:
        while not self._stop.wait(_CALLER_PAUSE_S):
            try:
                once()
                self.ends["OK"] += 1
            except grpc.RpcError as problem:
                self.ends[problem.code().name] += 1

    def _serve(self) -> None:
        self._mesh.ads.ServeAd(ads_pb.ServeAdRequest(user_id="caller"), timeout=_CALL_S)

    def _submit(self) -> None:
        spec = manager_pb.CampaignSpec(text="t", category="c", keywords="k", budget_nanos=10**9)
        spec.start_time.FromSeconds(int(time.time()))
        spec.end_time.FromSeconds(int(time.time()) + 600)
        request = manager_pb.CreateCampaignRequest(campaign=spec)
        self.submitted.append(self._mesh.manager.CreateCampaign(request, timeout=_CALL_S).command_id)
