"""The change feed: numbers appear in the order of the commits, so a reader that has seen n misses nothing below."""

import threading

from sqlalchemy import select
from store_cases import HOUR_US, NOW_US, Store, campaign, command, records

from adserver.ports import Cursor
from adserver.store import SqlCampaignFeed
from marketplace.campaign import Campaign, Status, Window
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.rows import stamp_changes, update_rows
from marketplace.runtime.store.schema import ads, counters
from marketplace.runtime.store.transactions import write_transaction

WITHIN_S = 60


def follow(store: Store, after: Cursor, limit: int = 100) -> tuple[list[Campaign], Cursor]:
    changed = SqlCampaignFeed(store.engine).changes(after, limit)
    return changed, Cursor(changed[-1].change_no, changed[-1].campaign_id) if changed else after


def test_pages_cut_through_a_number_lose_nothing(store: Store) -> None:
    store.apply(records([command(f"c{n}") for n in range(7)]))
    store.apply(records([command(f"d{n}") for n in range(3)], 7))
    cursor, seen = Cursor(), []
    while True:
        changed, cursor = follow(store, cursor, 3)
        if not changed:
            break
        seen += [(one.change_no, one.campaign_id) for one in changed]
    assert seen == [(1, f"c{n}") for n in range(7)] + [(2, f"d{n}") for n in range(3)]


def test_a_start_reads_what_is_live_and_then_what_changed_since(store: Store) -> None:
    ended = Window(NOW_US - HOUR_US, NOW_US)
    store.put(campaign("a"), campaign("ended", window=ended), campaign("stopped", status=Status.STOPPED))
    feed = SqlCampaignFeed(store.engine)
    cursor = feed.newest()
    store.apply(records([command("b")]))
    assert set(feed.live(NOW_US).campaign_ids) == {"a", "b"}
    assert [one.campaign_id for one in feed.changes(cursor, 10)] == ["b"]
    assert feed.changes(feed.newest(), 10) == []


def test_a_number_that_is_not_committed_holds_the_next_ones_back(store: Store) -> None:
    store.put(campaign("a"), campaign("b"))
    done = threading.Event()

    def second() -> None:
        stamp(store, "b")
        done.set()

    with write_transaction(store.engine) as first:
        stamp_changes(first, ["a"])
        thread = threading.Thread(target=second)
        thread.start()
        assert not done.wait(0.3), "the second got its number before the first had committed"
        assert follow(store, Cursor(0, "~"))[0] == []
        first.commit()
    thread.join(WITHIN_S)
    assert [(one.change_no, one.campaign_id) for one in follow(store, Cursor(0, "~"))[0]] == [(1, "a"), (2, "b")]


def stamp(store: Store, *ids: str) -> None:
    with write_transaction(store.engine) as connection:
        stamp_changes(connection, ids)
        connection.commit()


def test_a_reader_among_writers_misses_nothing(store: Store) -> None:
    writers, turns = 3, 20
    ids = [f"c{number}" for number in range(8)]
    store.put(*(campaign(one) for one in ids))
    seen: dict[str, Campaign] = {}
    stop = threading.Event()

    def write(number: int) -> None:
        engine = open_engine(store.url)
        for turn in range(turns):
            chosen = ids[(number + turn) % 6 :][: 1 + turn % 3]
            with write_transaction(engine) as connection:
                locked = select(ads.c.campaign_id, ads.c.cpc_nanos).where(ads.c.campaign_id.in_(chosen))
                rows = connection.execute(locked.order_by(ads.c.campaign_id).with_for_update()).all()
                new = [{"campaign_id": row.campaign_id, "cpc_nanos": row.cpc_nanos + 1} for row in rows]
                update_rows(connection, ads, "campaign_id", new)
                stamp_changes(connection, chosen)
                connection.commit()
        engine.dispose()

    def read() -> None:
        cursor = Cursor(0, "~")
        while True:
            last = stop.is_set()
            changed, cursor = follow(store, cursor, 2)
            seen.update({one.campaign_id: one for one in changed})
            if last and not changed:
                return

    reader = threading.Thread(target=read)
    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S)
    stop.set()
    reader.join(WITHIN_S)
    assert store.rows(select(counters.c.value).filter_by(name="ads")) == [(writers * turns,)]
    assert seen == {one: store.campaign(one) for one in seen}
    assert {one for one in ids if store.campaign(one).change_no} == set(seen)
