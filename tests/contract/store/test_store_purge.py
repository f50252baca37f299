"""Old ledger rows are purged in order and in bounded batches, their sums kept: what reconciliation sees stays exact."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kept_books import Books
from sqlalchemy import Connection, event, func, select
from store_cases import HOUR_US, LIFE_US, NOW_US, Store, answered, campaign, claim

from feedback.charger import Claim
from marketplace.errors import FailedPrecondition, ReceiptExpired
from marketplace.feedback import Action
from marketplace.runtime.archive.open import Archive
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.schema import ads, ledger
from marketplace.runtime.store.transactions import write_transaction
from reporting import reconcile_cli
from reporting.archived import read_archive
from reporting.reconcile import Archived, Ledgered
from reporting.retention.ledger import Purged, cutoff_us, purge_ledger
from reporting.sources import read_store

LATER_US = NOW_US + HOUR_US


def clicks(of: Any, count: int) -> list[Claim]:
    return [claim(of, Action.CLICK) for _ in range(count)]


def archived(store: Store, upto: int = 1 << 40) -> dict[str, Archived]:
    """What an archive holds that has landed every event up to a number."""
    mine = ledger.c.event_seq <= upto
    statement = select(
        ledger.c.campaign_id, func.count(), func.max(ledger.c.event_seq), func.sum(ledger.c.charged_nanos)
    )
    rows = store.rows(statement.where(mine).group_by(ledger.c.campaign_id))
    return {name: Archived(count, count, last, int(charged)) for name, count, last, charged in rows}


def books(store: Store, held: dict[str, Archived]) -> dict[str, Ledgered]:
    return read_store(store.engine, held)[0]


def purge(store: Store, held: dict[str, Archived], before_us: int = LATER_US, batch_rows: int = 100) -> Purged:
    return purge_ledger(store.engine, held, books(store, held), before_us, batch_rows)


def seqs(store: Store, campaign_id: str = "c") -> list[int]:
    statement = select(ledger.c.event_seq).filter_by(campaign_id=campaign_id).order_by(ledger.c.event_seq)
    return [seq for (seq,) in store.rows(statement)]


def sums(store: Store, campaign_id: str = "c") -> tuple[int, int]:
    (row,) = store.rows(select(ads.c.purged_seq, ads.c.purged_nanos).filter_by(campaign_id=campaign_id))
    return row.purged_seq, row.purged_nanos


def test_what_is_archived_and_old_goes_and_its_sums_stay(store: Store) -> None:
    c, d = campaign(), campaign("d")
    store.put(c, d)
    store.charge(*clicks(c, 5), *clicks(d, 3))
    held = archived(store)
    before = books(store, held)
    assert purge(store, held, batch_rows=2) == Purged(8, 2, {})
    assert (seqs(store), seqs(store, "d")) == ([], [])
    assert sums(store) == (5, 5 * c.cpc_nanos)
    assert {name: replace(each, purged_seq=0) for name, each in books(store, held).items()} == before
    assert purge(store, held) == Purged(0, 0, {})


def test_rows_go_in_order_up_to_the_first_young_one(store: Store) -> None:
    store.put(c := campaign())
    for at_us in (1, 2, 50, 3):  # the clock of the handler that charged the last one is behind
        store.charge(*clicks(c, 1), clock=lambda at_us=at_us: NOW_US + at_us)  # type: ignore[misc]
    assert purge(store, archived(store), before_us=NOW_US + 10).rows == 2
    assert seqs(store) == [3, 4]
    assert purge(store, {"c": Archived(4, 4, 4, 4 * c.cpc_nanos)}, before_us=NOW_US + 60).rows == 2


def test_rows_that_are_not_archived_stay(store: Store) -> None:
    store.put(c := campaign())
    store.charge(*clicks(c, 5))
    assert purge(store, archived(store, upto=3)).rows == 3
    assert seqs(store) == [4, 5]
    assert purge(store, {}) == Purged(0, 0, {"c": "the ledger is purged up to event 3, the archive ends at 0"})


@pytest.mark.parametrize(
    "held",
    [Archived(5, 4, 4, 0), Archived(4, 4, 5, 0), Archived(5, 5, 5, 1)],
    ids=["an event twice", "an event missing", "another charge"],
)
def test_a_campaign_that_does_not_add_up_is_left_alone(store: Store, held: Archived) -> None:
    c, sound = campaign(), campaign("sound")
    store.put(c, sound)
    store.charge(*clicks(c, 5), *clicks(sound, 2))
    purged = purge(store, archived(store) | {"c": held})
    assert (purged.rows, list(purged.left_alone)) == (2, ["c"])
    assert seqs(store) == [1, 2, 3, 4, 5]


def test_no_transaction_takes_more_rows_than_it_may(store: Store) -> None:
    store.put(c := campaign())
    store.charge(*clicks(c, 7))
    sizes: list[int] = []

    @event.listens_for(store.engine, "after_cursor_execute")
    def count(_: Connection, cursor: Any, statement: str, *__: Any) -> None:
        if statement.startswith("DELETE FROM ledger"):
            sizes.append(cursor.rowcount)

    assert purge(store, archived(store), batch_rows=3).rows == 7
    assert sizes == [3, 3, 1]


def test_a_purge_that_breaks_off_before_its_commit_has_done_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(c := campaign())
    store.charge(*clicks(c, 4))
    held = archived(store)
    real, commits = Connection.commit, []

    def commit(connection: Connection) -> None:
        commits.append(1)
        if len(commits) == 2:
            raise KeyboardInterrupt
        real(connection)

    monkeypatch.setattr(Connection, "commit", commit)
    with pytest.raises(KeyboardInterrupt):
        purge(store, held, batch_rows=2)
    monkeypatch.setattr(Connection, "commit", real)
    assert (seqs(store), sums(store)) == ([3, 4], (2, 2 * c.cpc_nanos))
    assert purge(store, held).rows == 2


def test_a_ledger_with_a_hole_is_not_purged_over_it(store: Store) -> None:
    store.put(c := campaign())
    store.charge(*clicks(c, 4))
    held = archived(store)
    before = books(store, held)
    with write_transaction(store.engine) as connection:
        connection.execute(ledger.delete().where(ledger.c.event_seq == 2))
        connection.commit()
    with pytest.raises(FailedPrecondition, match="lacks an event"):
        purge_ledger(store.engine, held, before, LATER_US, 100)
    assert seqs(store) == [1, 3, 4]


def test_the_books_add_up_at_any_moment_while_it_is_charged_and_purged_by_two(store: Store) -> None:
    store.put(c := campaign(budget_nanos=10**15))
    other = open_engine(store.url)
    stop = threading.Event()
    seen: list[Ledgered] = []
    deadline = time.monotonic() + 60

    def charge() -> None:
        while not stop.is_set():
            answered(store.charge(*clicks(c, 10)))

    def clean(engine: Any) -> None:
        while not stop.is_set():
            held = archived_of(engine)
            purge_ledger(engine, held, read_store(engine, held)[0], LATER_US, 3)

    def archived_of(engine: Any) -> dict[str, Archived]:
        found = read_store(engine, {})[0].get("c", Ledgered())
        return {"c": Archived(found.events, found.events, found.events, found.charged_nanos)} if found.events else {}

    works: Sequence[Any] = [charge, lambda: clean(store.engine), lambda: clean(other)]
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        while len(seen) < 40 or not (
            seen[-1].purged_seq > seen[0].purged_seq and seen[-1].event_seq > seen[0].event_seq
        ):
            assert time.monotonic() < deadline, "nothing was charged, or nothing purged"
            seen += read_store(store.engine, {})[0].values()
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    other.dispose()
    assert all((each.events, each.charged_nanos) == (each.event_seq, each.spent_nanos) for each in seen)


def test_a_feedback_that_comes_again_after_its_row_is_purged_is_too_late(store: Store) -> None:
    store.put(c := campaign())
    click = claim(c, Action.CLICK)
    answered(store.charge(click))
    now_us = NOW_US + LIFE_US + 2 * HOUR_US
    before_us = cutoff_us(now_us, receipt_life_s=LIFE_US // 1_000_000, clock_skew_s=300, deadline_s=600)
    assert purge(store, archived(store), before_us).rows == 1
    (verdict,) = store.charge(click, clock=lambda: now_us - 900_000_000)  # on a clock that is behind, a call on its way
    assert isinstance(verdict, ReceiptExpired)
    assert store.campaign().spent_nanos == c.cpc_nanos


def test_a_row_stays_as_long_as_its_receipt_may_be_accepted_somewhere() -> None:
    life_us = LIFE_US + (300 + 600 + 3_600) * 1_000_000
    before_us = cutoff_us(NOW_US + life_us, receipt_life_s=LIFE_US // 1_000_000, clock_skew_s=300, deadline_s=600)
    assert before_us == NOW_US


def test_reconciliation_reads_again_what_was_archived_and_purged_meanwhile(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books(store, tmp_path)
    store.put(c := campaign())
    books.charge(c, *[Action.CLICK] * 3)
    reads = [read_archive(books.archive)]
    books.land()

    def read(archive: Archive) -> dict[str, Archived]:
        if len(reads) == 1:  # what was read before the events were archived, and purged
            assert purge(store, archived(store)).rows == 3
            reads.append({})
            return reads[0]
        return read_archive(archive)

    monkeypatch.setattr(reconcile_cli, "read_archive", read)
    found = reconcile_cli.reconcile(store.engine, books.log, books.archive)
    assert (found.ok, found.archived_events, found.in_flight_events) == (True, 3, 0), found.findings

    for name in books.archive.files.list("user_feedback"):
        books.archive.files.remove(name)
    found = reconcile_cli.reconcile(store.engine, books.log, books.archive)
    assert not found.ok
    assert "the ledger is purged up to event 3, the archive ends at 0" in found.findings[0]
    books.log.close()
