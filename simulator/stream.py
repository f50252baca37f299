"""The simulation: visits by a schedule, many at once, each an ask for ads and then what the user does with them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb

from marketplace.feedback import Action
from simulator.asking import Asker, NotAnswered
from simulator.behaviour import Step, Visit
from simulator.stats import Stats

AdAsker = Asker[ads_pb.StreamAdsRequest, ads_pb.StreamAdsResponse]
FeedbackAsker = Asker[feedback_pb.StreamFeedbackRequest, feedback_pb.StreamFeedbackResponse]


class Simulation:
    """Runs visits; at most `max_visits` at once, and what is due beyond that waits for its turn."""

    def __init__(
        self, ads: AdAsker, feedback: FeedbackAsker, plan: Callable[[int], Visit], stats: Stats, max_visits: int
    ) -> None:
        self._ads = ads
        self._feedback = feedback
        self._plan = plan
        self._stats = stats
        self._room = asyncio.Semaphore(max_visits)
        self._asking: asyncio.Task[None] | None = None

    async def run(self, numbers: AsyncIterator[int]) -> None:
        """Makes the visits with these numbers, and returns when each is over."""
        async with asyncio.TaskGroup() as visits:
            self._asking = visits.create_task(self._begin_all(numbers, visits))

    def stop(self) -> None:
        """Begins no further visit; `run` returns when those in flight are over."""
        if self._asking:
            self._asking.cancel()

    async def _begin_all(self, numbers: AsyncIterator[int], visits: asyncio.TaskGroup) -> None:
        async for number in numbers:
            await self._room.acquire()
            visits.create_task(self._visit(self._plan(number)))

    async def _visit(self, visit: Visit) -> None:
        self._stats.in_flight += 1
        try:
            for ad, steps in zip(await self._ads_for(visit), visit.steps, strict=False):  # there may be fewer ads
                await self._act(ad.receipt, steps)
        finally:
            self._room.release()
        self._stats.in_flight -= 1

    async def _ads_for(self, visit: Visit) -> Sequence[ads_pb.Ad]:
        request = ads_pb.ServeAdRequest(
            user_id=visit.user_id,
            device_type=visit.device_type,
            city=visit.city,
            state=visit.state,
            country=visit.country,
            ad_count=visit.ad_count,
        )
        self._stats.requests += 1
        started = time.monotonic()
        try:
            answer = await self._ads.ask(ads_pb.StreamAdsRequest(request=request))
        except NotAnswered as problem:
            self._stats.request_failed(problem.reason)
            return ()
        self._stats.ads_came(len(answer.response.ads), time.monotonic() - started)
        return answer.response.ads

    async def _act(self, receipt: bytes, steps: Sequence[Step]) -> None:
        """Takes the steps in order. An app that gets no answer to one gives up on that ad."""
        for step in steps:
            if step.pause_s:
                await asyncio.sleep(step.pause_s)
            copies = [self._submit(receipt, step.action) for _ in range(step.copies)]
            # The copies race, over streams that may end at different handlers.
            charges = [await copies[0]] if len(copies) == 1 else await asyncio.gather(*copies)
            charged = next((charge for charge in charges if charge is not None), None)
            if charged is None:
                return
            self._stats.step_done(step, charged)

    async def _submit(self, receipt: bytes, action: Action) -> int | None:
        """Returns what the answer says was charged, in nanos; None for no answer."""
        request = feedback_pb.SubmitFeedbackRequest(
            receipt=receipt,
            action=action.value,  # type: ignore[arg-type]  # the proto's numbers
        )
        started = time.monotonic()
        try:
            answer = await self._feedback.ask(feedback_pb.StreamFeedbackRequest(request=request))
        except NotAnswered as problem:
            self._stats.feedback_failed_for(problem.reason)
            return None
        self._stats.feedback_came(answer.response.repeat, time.monotonic() - started)
        return answer.response.charged_nanos
