"""Several handlers and ad managers at the same rows at the same moment."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from store_cases import Store, answered, campaign, claim, command, exhausted, records

from admanager.apply import StalePosition
from feedback.charger import Answer
from marketplace.feedback import Action
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.schema import commands, ledger

T = TypeVar("T")
WITHIN_S = 60


@pytest.fixture
def handlers(store: Store) -> Iterator[list[Store]]:
    """Two handlers with connections of their own."""
    other = open_engine(store.url)
    yield [store, Store(other, store.url)]
    other.dispose()


def at_once(*works: Callable[[], T]) -> list[T]:
    """Runs each in a thread of its own, all starting together; returns the results in order."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        start.wait(WITHIN_S)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(WITHIN_S) for future in [pool.submit(run, work) for work in works]]


def test_a_click_and_an_acquisition_of_one_receipt_at_two_handlers(handlers: list[Store]) -> None:
    c = campaign()
    handlers[0].put(c)
    for _ in range(15):
        request_id = str(uuid.uuid4())
        click, acquisition = (claim(c, action, request_id=request_id) for action in (Action.CLICK, Action.ACQUISITION))
        verdicts = at_once(lambda x=click: handlers[0].charge(x), lambda x=acquisition: handlers[1].charge(x))  # type: ignore[misc]
        assert sum(answered(one)[0].charged_nanos for one in verdicts) == c.cpa_nanos
    assert handlers[0].campaign().spent_nanos == 15 * c.cpa_nanos
    assert handlers[0].assert_adds_up() == 30


def test_the_same_click_at_many_clients_is_billed_once(handlers: list[Store]) -> None:
    c = campaign()
    handlers[0].put(c)
    click = claim(c, Action.CLICK)
    verdicts = at_once(*(lambda n=n: handlers[n % 2].charge(click) for n in range(8)))  # type: ignore[misc]
    answers = [answered(one)[0] for one in verdicts]
    assert sorted(one.repeat for one in answers) == [False] + [True] * 7
    assert {one.charged_nanos for one in answers} == {c.cpc_nanos}
    assert handlers[0].assert_adds_up() == 1


def test_sixteen_clients_on_a_budget_for_a_hundred_clicks(handlers: list[Store]) -> None:
    c = campaign(budget_nanos=100 * 660_000)
    handlers[0].put(c)

    def client(number: int) -> list[Answer]:
        clicks = [claim(c, Action.CLICK) for _ in range(10)]
        # singly and in pairs, as micro-batches come
        batches = [clicks[:2], *([one] for one in clicks[2:])]
        return [answer for batch in batches for answer in answered(handlers[number % 2].charge(*batch))]

    answers = [one for many in at_once(*(lambda n=n: client(n) for n in range(16))) for one in many]  # type: ignore[misc]
    charged = [one.charged_nanos for one in answers]
    assert (len(charged), sum(charged), charged.count(c.cpc_nanos)) == (160, c.budget_nanos, 100)
    assert handlers[0].assert_adds_up() == 160
    assert exhausted(handlers[0].campaign())
    uncharged = handlers[0].rows(select(func.sum(ledger.c.uncharged_nanos)))
    assert uncharged == [(60 * c.cpc_nanos,)]


def test_batches_that_share_campaigns_in_any_order_never_wait_for_each_other_in_a_circle(handlers: list[Store]) -> None:
    campaigns = [campaign(f"c{n}") for n in range(5)]
    handlers[0].put(*campaigns)

    def client(number: int) -> None:
        for turn in range(8):
            order = campaigns[turn % 5 :] + campaigns[: turn % 5]
            claims = [claim(one, Action.CLICK) for one in (order if number % 2 else order[::-1])]
            answered(handlers[number % 2].charge(*claims))

    at_once(*(lambda n=n: client(n) for n in range(4)))  # type: ignore[misc]
    for one in campaigns:
        assert handlers[0].assert_adds_up(one.campaign_id) == 32


def test_an_update_among_clicks_loses_nothing_that_was_spent(handlers: list[Store]) -> None:
    ad_manager, handler = handlers
    ad_manager.apply(records([command()]))

    def update() -> None:
        for turn in range(10):
            ad_manager.apply(records([command(action="Update Campaign", budget=str(60 + turn))], 1 + turn))

    def click() -> None:
        for _ in range(30):
            answered(handler.charge(claim(campaign(), Action.CLICK)))

    at_once(update, click)
    assert handler.assert_adds_up() == 30
    row = handler.campaign()
    assert (row.spent_nanos, row.event_seq, row.budget_nanos) == (30 * 660_000, 30, 69 * 10**9)


def test_two_ad_managers_with_the_same_batch_apply_it_once(handlers: list[Store]) -> None:
    handlers[0].apply(records([command("x")]))
    batch = records([command(f"c{n}") for n in range(20)] + [command("c0", "Stop Campaign")], 1)

    def apply(store: Store) -> bool:
        try:
            store.apply(batch)
        except StalePosition as stale:
            assert stale.position == 22
            return False
        return True

    assert sorted(at_once(*(lambda s=s: apply(s) for s in handlers * 2))) == [False, False, False, True]  # type: ignore[misc]
    assert handlers[0].rows(select(func.count()).select_from(commands)) == [(22,)]


def test_two_ad_managers_may_see_a_partition_first_at_once(handlers: list[Store]) -> None:
    found = at_once(*(lambda s=s: s.commands.positions("topic", {0: 5, 1: 6}) for s in handlers * 3))  # type: ignore[misc]
    assert found == [{0: 5, 1: 6}] * 6
