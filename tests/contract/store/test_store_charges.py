"""Charging on a real database: nothing twice, nothing lost, nothing overspent, however many charge at once."""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from store_cases import NOW_US, UNIT, Store, answered, campaign, claim, exhausted

from adserver.ports import Cursor
from adserver.store import SqlCampaignFeed
from marketplace.errors import ReceiptExpired, Unavailable
from marketplace.feedback import Action
from marketplace.runtime.store.outbox import SHARDS, Outbox
from marketplace.runtime.store.rows import stamp_changes
from marketplace.runtime.store.schema import ads, ledger
from marketplace.runtime.store.transactions import write_transaction
from marketplace.slots import DEFAULT_SLOT_US


def at_once(works: Sequence[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(len(works)) as threads:
        for future in [threads.submit(work) for work in works]:
            future.result(60)


def test_a_batch_is_answered_in_order_and_one_bad_claim_fails_alone(store: Store) -> None:
    mine = campaign()
    store.put(mine)
    old = claim(mine, Action.CLICK, served_at_us=NOW_US - 25 * 3_600_000_000)
    foreign = claim(replace(mine, campaign_id="unknown"), Action.CLICK)
    first, expired, unknown, last = store.charge(claim(mine, Action.CLICK), old, foreign, claim(mine, Action.VIEW))
    assert [one.charged_nanos for one in answered([first, last])] == [mine.cpc_nanos, 0]
    assert isinstance(expired, ReceiptExpired)
    assert isinstance(unknown, Unavailable)
    assert store.assert_adds_up() == 2


def test_a_repeat_gets_the_first_answer_in_the_same_batch_and_later(store: Store) -> None:
    mine = campaign()
    store.put(mine)
    click = claim(mine, Action.CLICK)
    answers = answered([*store.charge(click, click), *store.charge(click)])
    assert [(one.repeat, one.charged_nanos) for one in answers] == [
        (False, mine.cpc_nanos),
        (True, mine.cpc_nanos),
        (True, mine.cpc_nanos),
    ]
    assert store.assert_adds_up() == 1


def test_click_and_acquisition_of_one_receipt_at_two_handlers_at_the_same_moment(store: Store) -> None:
    mine = campaign(budget_nanos=1_000 * UNIT)
    store.put(mine)
    for number in range(10):
        request_id = str(uuid.uuid4())
        both = [claim(mine, action, request_id) for action in (Action.CLICK, Action.ACQUISITION)]
        at_once([lambda one=one: store.charge(one) for one in both])
        assert store.campaign().spent_nanos == (number + 1) * mine.cpa_nanos
    assert store.assert_adds_up() == 20


def test_sixteen_clients_on_a_budget_for_a_hundred_clicks(store: Store) -> None:
    mine = campaign(budget_nanos=100 * 660_000)
    store.put(mine)
    claims = [[claim(mine, Action.CLICK) for _ in range(10)] for _ in range(16)]
    at_once([lambda some=some: [store.charge(one) for one in some] for some in claims])
    assert exhausted(store.campaign())
    assert store.campaign().spent_nanos == mine.budget_nanos
    assert store.assert_adds_up() == 160
    uncharged = store.rows(select(ledger.c.uncharged_nanos).where(ledger.c.uncharged_nanos > 0))
    assert len(uncharged) == 60


def test_batches_over_the_same_campaigns_in_any_order(store: Store) -> None:
    some = [campaign(name, budget_nanos=1_000 * UNIT) for name in "abcdef"]
    store.put(*some)

    def charge(turn: int) -> None:
        for _ in range(5):
            store.charge(*(claim(one, Action.CLICK) for one in some[turn:] + some[:turn]))

    at_once([lambda turn=turn: charge(turn) for turn in range(6)])
    assert [store.assert_adds_up(one.campaign_id) for one in some] == [30] * 6


def test_a_connection_that_is_lost_at_the_commit_doubles_nothing(store: Store) -> None:
    mine = campaign()
    store.put(mine)
    lost = iter([True])

    def lose_the_answer(connection: object) -> None:
        if next(lost, False):
            connection.connection.commit()  # type: ignore[attr-defined]  # it is durable, and then the line is cut
            raise OperationalError("COMMIT", None, LostError("database is locked"))

    event.listen(store.engine, "commit", lose_the_answer)
    (answer,) = answered(store.charge(claim(mine, Action.CLICK)))
    event.remove(store.engine, "commit", lose_the_answer)
    assert (answer.repeat, answer.charged_nanos) == (True, mine.cpc_nanos)
    assert store.assert_adds_up() == 1


class LostError(Exception):
    """What a driver raises; the transaction may be run again."""


def test_a_charge_in_a_new_slot_opens_it_and_the_feed_tells(store: Store) -> None:
    mine = campaign(slot_budget_nanos=0)
    store.put(mine)
    feed = SqlCampaignFeed(store.engine)
    later = NOW_US + DEFAULT_SLOT_US
    store.charge(claim(mine, Action.CLICK), clock=lambda: later)
    assert store.campaign().slot_no == mine.slot_no + 1
    assert store.campaign().slot_budget_nanos == 12 * UNIT - mine.cpc_nanos
    assert [one.campaign_id for one in feed.changes(Cursor(0, "~"), 10)] == ["c"]


def test_spending_alone_is_no_change_and_running_dry_is(store: Store) -> None:
    mine = campaign(slot_budget_nanos=2 * 660_000)
    store.put(mine)
    feed = SqlCampaignFeed(store.engine)
    store.charge(claim(mine, Action.CLICK))
    assert feed.changes(Cursor(0, "~"), 10) == []
    store.charge(claim(mine, Action.CLICK))
    (changed,) = feed.changes(Cursor(0, "~"), 10)
    assert not changed.servable


def test_a_reader_of_the_feed_misses_nothing_while_many_write(store: Store) -> None:
    names = [f"c{number:02d}" for number in range(40)]
    store.put(*(campaign(name) for name in names))
    feed, cursor, seen = SqlCampaignFeed(store.engine), Cursor(0, "~"), dict[str, int]()
    writers = ThreadPoolExecutor(4)

    def touch(some: Sequence[str]) -> None:
        for name in some * 3:
            with write_transaction(store.engine) as connection:
                stamp_changes(connection, [name])
                connection.commit()

    running = [writers.submit(touch, names[start::4]) for start in range(4)]
    while not all(one.done() for one in running) or feed.changes(cursor, 7):
        for changed in feed.changes(cursor, 7):
            cursor = Cursor(changed.change_no, changed.campaign_id)
            seen[changed.campaign_id] = changed.change_no
    assert [one.result(60) for one in running] == [None] * 4
    assert seen == dict(store.rows(select(ads.c.campaign_id, ads.c.change_no)))
    assert max(seen.values()) == 120


def test_shards_have_one_owner_at_a_time_and_rows_their_order(store: Store) -> None:
    some = [campaign(name, budget_nanos=1_000 * UNIT) for name in "abcdef"]
    store.put(*some)
    for _ in range(3):
        store.charge(*(claim(one, Action.CLICK) for one in some))
    outbox = Outbox(store.engine)
    with outbox.own() as mine, Outbox(store.engine).own() as others:
        assert (len(mine.shards), len(others.shards)) == (SHARDS, 0)
        rows = mine.rows(100)
        for one in some:
            assert [row.event_seq for row in rows if row.campaign_id == one.campaign_id] == [1, 2, 3]
        mine.delete([row.id for row in rows[:10]])
    with outbox.own() as mine:
        assert [row.id for row in mine.rows(100)] == [row.id for row in rows[10:]]


@pytest.mark.parametrize("text", ["'; DROP TABLE ledger; --", '"%s"', "\\", "\N{GRINNING FACE}", "%(x)s", "\x00"])
def test_hostile_texts_are_only_texts(store: Store, text: str) -> None:
    mine = campaign(category=text, text=text, keywords=text)
    store.put(mine)
    answered(store.charge(claim(mine, Action.CLICK)))
    assert store.campaign().text == text
    assert store.assert_adds_up() == 1
