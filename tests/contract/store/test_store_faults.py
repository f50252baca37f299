"""What the store does when the database breaks a transaction off: run it again, bill nothing twice."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, select, text, update
from store_cases import CHARGE_RULES, NOW_US, RULES, Store, answered, campaign, claim, command, records

from admanager.apply import StalePosition, apply_batch
from admanager.lifecycle import Outcome
from admanager.store import SqlCommandStore, SqlCommandUnit
from feedback.charger import Claim, Verdict, charge_batch
from feedback.store import SqlChargeStore, SqlChargeUnit
from marketplace.errors import Unavailable
from marketplace.feedback import Action
from marketplace.ports import COMMANDS
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading, retrying, write_transaction
from stack.settled import wait_until

pytestmark = pytest.mark.mesh
WITHIN_S = 30


@pytest.fixture(params=["mariadb"])
def store_url(mariadb_database: str) -> str:
    return mariadb_database


@pytest.fixture
def other(store: Store) -> Iterator[Engine]:
    engine = open_engine(store.url)
    yield engine
    engine.dispose()


def kill(engine: Engine, connection_id: int) -> None:
    with engine.connect() as connection:
        connection.execute(text(f"KILL {connection_id}"))


def break_at_commit(connection: Connection, commit: Callable[[], None], other: Engine, *, before: bool) -> None:
    """Commits on a connection that is killed just before, or just after so that only the answer is lost."""
    number = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    if before:
        kill(other, number)
        commit()
    else:
        commit()
        kill(other, number)
        connection.execute(text("SELECT 1"))


class Breaking:
    """The first `times` transactions lose their connection at the commit."""

    def __init__(self, other: Engine, *, before: bool, times: int = 1) -> None:
        self.other, self.before, self.left, self.begun = other, before, times, 0

    def arm(self, unit: SqlChargeUnit | SqlCommandUnit) -> None:
        self.begun += 1
        if self.left:
            self.left -= 1
            commit = unit.commit
            unit.commit = lambda *position: break_at_commit(  # type: ignore[method-assign]
                unit._connection, lambda: commit(*position), self.other, before=self.before
            )


class BreakingCharges(SqlChargeStore):
    def __init__(self, engine: Engine, breaking: Breaking) -> None:
        super().__init__(engine)
        self.breaking = breaking

    @contextmanager
    def charging(self) -> Iterator[SqlChargeUnit]:
        with super().charging() as unit:
            self.breaking.arm(unit)
            yield unit


class BreakingCommands(SqlCommandStore):
    def __init__(self, engine: Engine, breaking: Breaking) -> None:
        super().__init__(engine)
        self.breaking = breaking

    @contextmanager
    def applying(self, topic: str, partition: int) -> Iterator[SqlCommandUnit]:
        with super().applying(topic, partition) as unit:
            self.breaking.arm(unit)
            yield unit


def charge(store: SqlChargeStore, *claims: Claim) -> list[Verdict]:
    return retrying(lambda: charge_batch(store, claims, lambda: NOW_US + 1, CHARGE_RULES))


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after the commit"])
def test_a_charge_whose_connection_is_lost_runs_again_and_bills_once(store: Store, other: Engine, before: bool) -> None:
    store.put(campaign())
    breaking = BreakingCharges(store.engine, Breaking(other, before=before))
    answers = answered(charge(breaking, claim(campaign(), Action.CLICK), claim(campaign(), Action.ACQUISITION)))
    assert breaking.breaking.begun == 2
    assert [one.charged_nanos for one in answers] == [660_000, 52_900_000]
    assert [one.repeat for one in answers] == [not before] * 2
    assert store.assert_adds_up() == 2


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after the commit"])
def test_commands_whose_connection_is_lost_are_applied_once(store: Store, other: Engine, before: bool) -> None:
    store.commands.positions(COMMANDS, {0: 0})
    breaking = BreakingCommands(store.engine, Breaking(other, before=before))
    batch = records([command(), command(action="Update Campaign", budget="70"), b"{"])

    def apply() -> Counter[Outcome]:
        return retrying(lambda: apply_batch(breaking, batch, 0, NOW_US, RULES))

    if before:
        assert apply() == Counter({Outcome.APPLIED: 2, Outcome.REJECTED: 1})
    else:
        with pytest.raises(StalePosition) as stale:
            apply()
        assert stale.value.position == 3
    assert (store.campaign().budget_nanos, store.campaign().change_no) == (70 * 10**9, 1)
    assert store.commands.positions(COMMANDS, {0: 0}) == {0: 3}


def test_a_database_that_keeps_breaking_is_unavailable_and_then_bills_once(store: Store, other: Engine) -> None:
    store.put(campaign())
    click = claim(campaign(), Action.CLICK)
    with pytest.raises(Unavailable):
        charge(BreakingCharges(store.engine, Breaking(other, before=True, times=99)), click)
    assert store.campaign().event_seq == 0
    answered(store.charge(click))
    assert store.assert_adds_up() == 1


def waiting_for_a_lock(engine: Engine) -> list[int]:
    """The connections that are in a SELECT ... FOR UPDATE."""
    running = (
        "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'SELECT ads.%FOR UPDATE'"
    )
    with reading(engine) as connection:
        return list(connection.execute(text(running)).scalars())


def test_the_loser_of_a_deadlock_runs_again(store: Store, other: Engine) -> None:
    store.put(campaign("a"), campaign("b"), *(campaign(f"x{n}") for n in range(50)))
    breaking = BreakingCharges(store.engine, Breaking(other, before=True, times=0))
    with ThreadPoolExecutor(1) as pool, write_transaction(other) as connection:
        # the lighter transaction is the loser: this one has changed rows
        connection.execute(update(ads).where(ads.c.campaign_id != "a").values(keywords="heavy"))
        charged = pool.submit(charge, breaking, claim(campaign("a"), Action.CLICK), claim(campaign("b"), Action.CLICK))
        wait_until("the charge waits for b", lambda: bool(waiting_for_a_lock(store.engine)), WITHIN_S)
        connection.execute(select(ads.c.status).filter_by(campaign_id="a").with_for_update())
        connection.commit()
        assert len(answered(charged.result(WITHIN_S))) == 2
    assert breaking.breaking.begun == 2
    assert store.assert_adds_up("a") == store.assert_adds_up("b") == 1


def test_a_charge_that_is_killed_while_it_waits_runs_again(store: Store, other: Engine) -> None:
    store.put(campaign())
    breaking = BreakingCharges(store.engine, Breaking(other, before=True, times=0))
    with ThreadPoolExecutor(1) as pool, write_transaction(other) as connection:
        connection.execute(update(ads).values(keywords="locked"))
        charged = pool.submit(charge, breaking, claim(campaign(), Action.CLICK))
        wait_until("the charge waits", lambda: bool(waiting_for_a_lock(store.engine)), WITHIN_S)
        kill(other, waiting_for_a_lock(store.engine)[0])
        connection.commit()
        assert len(answered(charged.result(WITHIN_S))) == 1
    assert breaking.breaking.begun == 2
    assert store.assert_adds_up() == 1


def test_a_server_that_is_not_there_is_unavailable_soon() -> None:
    engine = open_engine("mysql://nobody:secret@127.0.0.1:1/nothing")
    calls: list[Callable[[], object]] = [
        lambda: SqlChargeStore(engine).ping(),
        lambda: SqlCommandStore(engine).campaign("c"),
        lambda: SqlCommandStore(engine).positions(COMMANDS, {0: 0}),
        lambda: charge(SqlChargeStore(engine), claim(campaign(), Action.CLICK)),
        lambda: migrate(engine),
    ]
    for call in calls:
        with pytest.raises(Unavailable) as caught:
            call()
        assert str(caught.value) == "the store does not answer, try again"


def test_connections_are_shared_within_the_bound_of_the_pool(store: Store) -> None:
    store.put(campaign())
    threads = [threading.Thread(target=store.charge, args=(claim(campaign(), Action.VIEW),)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S)
    connected = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE()"
    assert store.rows(text(connected))[0][0] <= 5
    assert store.assert_adds_up() == 12
