"""The outbox: each shard has one owner at a time, no row is lost, order is kept."""

import multiprocessing
import os
import signal
from contextlib import ExitStack
from multiprocessing.synchronize import Event

import pytest
from sqlalchemy import func, select, text
from store_cases import Store, answered, campaign, claim

from marketplace.errors import Unavailable
from marketplace.feedback import Action
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.outbox import SHARDS, Outbox, OutboxRow, shard_of
from marketplace.runtime.store.schema import outbox
from stack.settled import wait_until

CAMPAIGNS = [campaign(f"c{number}") for number in range(6)]
WITHIN_S = 30


@pytest.fixture
def filled(store: Store) -> Store:
    """Ten events of each campaign, mixed."""
    store.put(*CAMPAIGNS)
    for _ in range(10):
        answered(store.charge(*(claim(one, Action.VIEW) for one in CAMPAIGNS)))
    return store


def sequences(rows: list[OutboxRow]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row.campaign_id, []).append(row.event_seq)
    return found


def test_the_owner_sees_all_rows_in_order_and_deletes_what_went(filled: Store) -> None:
    relay = Outbox(filled.engine)
    with relay.own() as owned:
        assert sorted(owned.shards) == list(range(SHARDS))
        rows = owned.rows(40)
        assert len(rows) == 40
        assert all(row.key == row.campaign_id.encode() for row in rows)
        owned.delete([row.id for row in rows])
    with relay.own() as owned:
        rest = owned.rows(100)
        assert len(rest) == 20
        owned.delete([row.id for row in rest[:1]])
    assert filled.rows(select(func.count()).select_from(outbox)) == [(19,)]
    assert sequences(rows + rest) == {one.campaign_id: list(range(1, 11)) for one in CAMPAIGNS}


def test_rows_that_were_not_deleted_come_again(filled: Store) -> None:
    relay = Outbox(filled.engine)
    with relay.own() as owned:
        first = owned.rows(100)
    with relay.own() as owned:
        assert owned.rows(100) == first


def test_a_shard_has_one_owner_at_a_time(filled: Store) -> None:
    relays = [Outbox(filled.engine), Outbox(open_engine(filled.url))]
    with relays[0].own() as mine, relays[1].own() as none:
        assert (len(mine.shards), len(none.shards)) == (SHARDS, 0)
        assert none.rows(100) == []
    with relays[1].own() as mine:
        assert len(mine.shards) == SHARDS


def test_owners_share_the_shards_and_see_each_row_once(filled: Store) -> None:
    if filled.is_sqlite:
        pytest.skip("on SQLite one owner has them all")
    with ExitStack() as stack:
        owned = [stack.enter_context(Outbox(filled.engine).own(limit)) for limit in (3, 3, SHARDS)]
        assert [len(one.shards) for one in owned] == [3, 3, 2]
        assert sorted(shard for one in owned for shard in one.shards) == list(range(SHARDS))
        rows = [one.rows(100) for one in owned]
        assert sum(len(some) for some in rows) == 60
        for one, some in zip(owned, rows, strict=True):
            assert {shard_of(row.campaign_id) for row in some} <= set(one.shards)
        owned[0].delete([row.id for row in rows[0]])
    assert filled.rows(select(func.count()).select_from(outbox)) == [(60 - len(rows[0]),)]


def test_a_charge_never_waits_for_the_relay(filled: Store) -> None:
    with Outbox(filled.engine).own() as owned:
        rows = owned.rows(100)
        answered(filled.charge(claim(CAMPAIGNS[0], Action.VIEW)))
        assert [row.event_seq for row in owned.rows(100) if row not in rows] == [11]


def own_for_ever(url: str, owning: Event) -> None:
    with Outbox(open_engine(url)).own() as owned:
        assert owned.shards
        owning.set()
        signal.pause()


def test_the_shards_of_a_process_that_died_are_free(filled: Store) -> None:
    spawn = multiprocessing.get_context("spawn")
    owning = spawn.Event()
    other = spawn.Process(target=own_for_ever, args=(filled.url, owning))
    other.start()
    relay = Outbox(filled.engine)
    try:
        assert owning.wait(WITHIN_S)
        with relay.own() as owned:
            assert not owned.shards
    finally:
        assert other.pid
        os.kill(other.pid, signal.SIGKILL)
        other.join(WITHIN_S)

    def owns_all() -> bool:
        with relay.own() as owned:
            return len(owned.shards) == SHARDS

    wait_until("the shards are free", owns_all, WITHIN_S)


def test_an_owner_whose_connection_breaks_hears_of_it(filled: Store) -> None:
    if filled.is_sqlite:
        pytest.skip("a file has no connections to break")
    statement = text("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE()")
    killer = open_engine(filled.url)
    with pytest.raises(Unavailable), Outbox(filled.engine).own() as owned:
        rows = owned.rows(100)
        with killer.connect() as connection:
            for (number,) in connection.execute(statement).all():
                connection.execute(text(f"KILL {int(number)}"))
        owned.delete([row.id for row in rows])
    killer.dispose()
    assert filled.rows(select(func.count()).select_from(outbox)) == [(60,)]
