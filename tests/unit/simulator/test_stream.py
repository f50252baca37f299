"""The whole simulation against a real server in memory: what is asked, in which order, and that the bill adds up."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from google.rpc.status_pb2 import Status
from toy_mesh import SILENT, ToyMesh, until

from marketplace.runtime.channel import open_channel
from simulator.asking import Asker, Patience
from simulator.behaviour import Habits, Person, plan_visit
from simulator.stats import Stats
from simulator.stream import Simulation

PEOPLE = [Person(f"user-{index}", 15, "iPhone") for index in range(50)]


async def first(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def endless() -> AsyncIterator[int]:
    for number in itertools.count():
        yield number
        await asyncio.sleep(0.001)


@asynccontextmanager
async def simulation(
    port: int, habits: Habits, patience: Patience | None = None, max_visits: int = 50
) -> AsyncIterator[tuple[Simulation, Stats]]:
    stats = Stats()
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        ads = partial(AdServerStub(channel).StreamAds, wait_for_ready=True)
        feedback = partial(FeedbackHandlerStub(channel).StreamFeedback, wait_for_ready=True)
        ad_asker = await stack.enter_async_context(Asker(ads, 2, patience or Patience(), stats.resent))
        feedback_asker = await stack.enter_async_context(Asker(feedback, 2, patience or Patience(), stats.resent))
        plan = partial(plan_visit, 5, people=PEOPLE, habits=habits)
        yield Simulation(ad_asker, feedback_asker, plan, stats, max_visits), stats


def simulate(mesh: ToyMesh, count: int, habits: Habits, patience: Patience | None = None) -> Stats:
    async def run() -> Stats:
        async with mesh.serving() as (_, port), simulation(port, habits, patience) as (simulated, stats):
            await simulated.run(first(count))
            return stats

    return asyncio.run(run())


def test_everything_is_answered_and_the_charges_are_the_ledgers() -> None:
    mesh = ToyMesh()
    stats = simulate(mesh, 300, Habits(think_s=0.01))
    assert (stats.requests, stats.answered, stats.serves, stats.failed, stats.in_flight) == (300, 300, 300, 0, 0)
    assert stats.feedbacks == len(mesh.ledger) == stats.actions.total() > 300
    assert stats.charged_nanos == sum(mesh.ledger.values()) > 0
    assert stats.repeats == stats.duplicates == 0


def test_feedback_of_an_ad_comes_in_order() -> None:
    mesh = ToyMesh()
    simulate(mesh, 200, Habits(ad_count=2, think_s=0.001))
    actions: dict[bytes, list[int]] = defaultdict(list)
    for receipt, action in mesh.feedbacks:
        actions[receipt].append(action)
    assert len(actions) == 400
    assert {tuple(each) for each in actions.values()} == {(1,), (1, 2), (1, 3), (1, 2, 3)}


def test_feedback_sent_twice_is_charged_and_counted_once() -> None:
    mesh = ToyMesh()
    stats = simulate(mesh, 100, Habits(duplicates=1.0, think_s=0))
    assert len(mesh.feedbacks) == 2 * len(mesh.ledger) == 2 * stats.actions.total()
    assert stats.repeats == stats.duplicates == len(mesh.ledger)
    assert stats.charged_nanos == sum(mesh.ledger.values())


def test_lost_feedback_is_never_sent() -> None:
    mesh = ToyMesh()
    stats = simulate(mesh, 100, Habits(lost=1.0))
    assert stats.serves == 100
    assert not mesh.feedbacks


def test_fewer_ads_than_asked_for_and_none() -> None:
    mesh = ToyMesh()
    mesh.ads_at_most = 2
    stats = simulate(mesh, 50, Habits(ad_count=5, think_s=0))
    assert (stats.serves, stats.no_ads) == (100, 0)
    mesh.ads_at_most = 0
    stats = simulate(mesh, 50, Habits())
    assert (stats.serves, stats.no_ads, stats.fill_rate, stats.first_ad_at) == (0, 50, 0.0, None)


def test_the_same_seed_asks_the_same_however_visits_interleave() -> None:
    calm, hasty = ToyMesh(), ToyMesh()
    hasty.delay_s = 0.001
    simulate(calm, 200, Habits(think_s=0.05))
    simulate(hasty, 200, Habits(think_s=0))
    texts = [sorted(request.SerializeToString() for request in mesh.requests) for mesh in (calm, hasty)]
    assert texts[0] == texts[1]
    assert len(calm.ledger) == len(hasty.ledger)


def test_no_more_visits_at_once_than_allowed() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_verdict = lambda number: SILENT
        patience = Patience(deadline_s=0.5)
        async with (
            mesh.serving() as (_, port),
            simulation(port, Habits(), patience, max_visits=7) as (simulated, stats),
        ):
            running = asyncio.create_task(simulated.run(first(21)))
            most = 0
            while not running.done():
                most = max(most, stats.in_flight)
                await asyncio.sleep(0.01)
        assert most == 7
        assert stats.errors == {"NO_ANSWER": 21}

    asyncio.run(run())


def test_stop_finishes_what_is_in_flight() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        async with mesh.serving() as (_, port), simulation(port, Habits(think_s=0.2)) as (simulated, stats):
            running = asyncio.create_task(simulated.run(endless()))
            await until(lambda: stats.requests >= 100)
            simulated.stop()
            await asyncio.wait_for(running, 10)
        assert stats.in_flight == stats.failed == 0
        assert stats.requests == stats.answered >= 100
        assert stats.charged_nanos == sum(mesh.ledger.values())

    asyncio.run(run())


def test_a_handler_that_dies_under_load_costs_nothing() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        async with mesh.serving() as (server, port), simulation(port, Habits(think_s=0.05)) as (simulated, stats):
            running = asyncio.create_task(simulated.run(first(400)))
            await until(lambda: stats.feedbacks >= 50)
            await server.stop(0)
            async with mesh.serving(port):
                await asyncio.wait_for(running, 20)
        assert (stats.answered, stats.failed) == (400, 0)
        assert stats.resent
        assert stats.actions.total() == len(mesh.ledger)
        assert stats.charged_nanos == sum(mesh.ledger.values())

    asyncio.run(run())


def test_feedback_without_an_answer_is_counted_and_ends_the_ads_story() -> None:
    mesh = ToyMesh()
    mesh.feedback_verdict = lambda number: SILENT if number < 10 else Status(code=3)
    stats = simulate(mesh, 20, Habits(), Patience(deadline_s=0.3))
    assert stats.feedback_failed == stats.failed == len(mesh.feedbacks) == 20
    assert stats.errors == {"NO_ANSWER": 10, "INVALID_ARGUMENT": 10}
    assert {action for _, action in mesh.feedbacks} == {1}
