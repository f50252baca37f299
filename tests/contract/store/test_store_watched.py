"""What operators are told of the store: what waits in the outbox, and the campaigns by state."""

from dataclasses import replace

from sqlalchemy import delete, insert
from store_cases import HOUR_US, NOW_US, UNIT, Store, campaign, claim, command, records

from admanager.census import STATES, read_census
from feedback.backlog import Backlog, read_backlog, read_span
from marketplace.campaign import Status, Window
from marketplace.clock import US_PER_SECOND
from marketplace.feedback import Action
from marketplace.runtime.store.ping import ping
from marketplace.runtime.store.schema import outbox
from marketplace.runtime.store.transactions import write_transaction


def backlog(store: Store, seconds_later: int = 0) -> Backlog:
    return read_backlog(store.engine, lambda: NOW_US + seconds_later * US_PER_SECOND)


def test_an_empty_outbox_has_no_age(store: Store) -> None:
    assert backlog(store) == Backlog(0, 0.0)
    ping(store.engine)


def test_the_outbox_is_as_old_as_its_oldest_event(store: Store) -> None:
    mine = campaign()
    store.put(mine)
    for second in (0, 10, 20):
        store.charge(claim(mine, Action.CLICK), clock=lambda at=second: NOW_US + at * US_PER_SECOND)  # type: ignore[misc]
    assert backlog(store, 25) == Backlog(3, 25.0)
    with write_transaction(store.engine) as connection:
        connection.execute(delete(outbox).where(outbox.c.event_seq == 1))
        connection.commit()
    assert backlog(store, 25) == Backlog(2, 15.0)
    assert backlog(store, 0).age_s == 0.0, "a clock that is behind makes no negative age"


def test_rejected_commands_count_and_have_no_age(store: Store) -> None:
    store.apply(records([b"no command"]))
    assert backlog(store) == Backlog(1, 0.0)


def test_a_long_outbox_is_counted_up_to_a_limit(store: Store, monkeypatch) -> None:
    monkeypatch.setattr("feedback.backlog.COUNTED_ROWS", 5)
    row = {"shard": 0, "topic": "t", "message_key": None, "value": b"", "campaign_id": "c", "event_seq": 0}
    with write_transaction(store.engine) as connection:
        connection.execute(insert(outbox), [row] * 7)
        connection.commit()
    assert backlog(store).rows == 5


def test_the_span_of_the_outbox_is_told_however_long_it_is(store: Store) -> None:
    assert read_span(store.engine) == 0
    row = {"shard": 0, "topic": "t", "message_key": None, "value": b"", "campaign_id": "c", "event_seq": 0}
    with write_transaction(store.engine) as connection:
        connection.execute(insert(outbox), [{**row, "event_seq": number} for number in range(7)])
        connection.execute(delete(outbox).where(outbox.c.event_seq.in_((0, 3))))
        connection.commit()
    assert read_span(store.engine) == 6


def test_campaigns_are_counted_by_state(store: Store) -> None:
    assert read_census(store.engine, NOW_US) == {(state,): 0 for state in STATES}
    open_now = campaign()
    before, after = Window(NOW_US - HOUR_US, NOW_US), Window(NOW_US + 1, NOW_US + HOUR_US)
    of_each = {
        "running": [open_now],
        "paused": [replace(open_now, slot_budget_nanos=0)] * 2,
        "scheduled": [replace(open_now, window=after, slot_budget_nanos=0)] * 3,
        "ended": [replace(open_now, window=before)] * 4,
        "exhausted": [replace(open_now, status=Status.EXHAUSTED, spent_nanos=60 * UNIT)] * 5,
        "stopped": [replace(open_now, status=Status.STOPPED, window=before)] * 6,
    }
    store.put(
        *(
            replace(one, campaign_id=f"{state} {number}")
            for state, campaigns in of_each.items()
            for number, one in enumerate(campaigns)
        )
    )
    assert read_census(store.engine, NOW_US) == {(state,): len(campaigns) for state, campaigns in of_each.items()}
    store.apply(records([command("another")]))
    assert read_census(store.engine, NOW_US)["running",] == 2
