"""The lines of a bill beside the ledger: exact for any period, while events are on their way or purged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kept_books import Books as Kept
from sqlalchemy import delete, select, update
from store_cases import NOW_US, Store

from marketplace.feedback import Action
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.store.schema import ledger
from marketplace.runtime.store.transactions import write_transaction
from reporting.archived import read_archive
from reporting.period import Period
from reporting.queries import By
from reporting.retention.ledger import purge_ledger
from reporting.service.bill_wire import Part, bill_to_proto, compared
from reporting.service.books import Books
from reporting.service.compared import Comparison
from reporting.sources import read_store

CLICK, VIEW = Action.CLICK, Action.VIEW
EVER = Period()
ALL = Part("", "", 0, 100)
NOW = datetime.fromtimestamp(NOW_US // 10**6, UTC)
HOUR_US = 3_600_000_000
FIRST = Period(None, NOW + timedelta(hours=1))
SECOND = Period(NOW + timedelta(hours=1), NOW + timedelta(hours=2))


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Iterator[Kept]:
    """Two campaigns: charged in the first hour, and in the second; all of it archived."""
    kept = Kept(store, tmp_path)
    for name in ("c", "d"):
        kept.command(name)
        kept.charge(store.campaign(name), VIEW, CLICK, CLICK)
        kept.charge(store.campaign(name), CLICK, at_us=HOUR_US)
    kept.land()
    yield kept
    kept.log.close()
    kept.archive.catalog.close()


def compare(kept: Kept, period: Period = EVER, part: Part = ALL) -> tuple[Comparison, int]:
    """Makes a bill of this moment; returns what the ledger says of it, and what is on its way, in nanos."""
    catalog = kept.archive.catalog
    assert isinstance(catalog, DuckDbCatalog)
    books = Books(kept.store.engine, kept.log, kept.archive, catalog, "USD")
    made = books.statement(period, By.USER, 30.0)
    found = compared(made, part, books.held(made.name, 30.0)[1])
    bill = bill_to_proto(made, part, 0)
    assert bill.total.charged_nanos == found.total.charged_nanos
    assert bill.on_the_way_nanos == found.total.coming_nanos
    return found, bill.on_the_way_nanos


def by_rows(kept: Kept, since_us: int, until_us: int) -> int:
    """Adds up the ledger's rows of a time, one by one."""
    return sum(row.charged_nanos for row in kept.entries(kept.store) if since_us <= row.charged_at_us < until_us)


def test_every_period_is_what_the_ledger_says(kept: Kept) -> None:
    border_us = NOW_US + HOUR_US
    for period, since_us, until_us in ((EVER, 0, 2**60), (FIRST, 0, border_us), (SECOND, border_us, 2**60)):
        found, coming = compare(kept, period)
        expected = by_rows(kept, since_us, until_us)
        assert (found.total.charged_nanos, found.total.ledger_nanos) == (expected, expected) and expected > 0
        assert (found.campaigns, found.differing, found.total.purged_nanos, coming) == (2, 0, 0, 0)


def test_what_is_on_its_way_is_told_of_its_period(kept: Kept) -> None:
    c = kept.store.campaign("c")
    kept.charge(c, CLICK, at_us=HOUR_US + 5)
    kept.command("new")
    kept.charge(kept.store.campaign("new"), CLICK, at_us=HOUR_US + 6)
    for period, expected in ((EVER, 2), (FIRST, 0), (SECOND, 2)):
        found, coming = compare(kept, period)
        assert (found.differing, coming) == (0, expected * c.cpc_nanos)
    kept.land()
    assert compare(kept, SECOND)[1] == 0


def test_a_part_is_compared_with_its_own_ledger(kept: Kept) -> None:
    kept.charge(kept.store.campaign("d"), CLICK)
    found, coming = compare(kept, part=Part("", "c", 0, 100))
    assert (found.campaigns, found.total.lines, found.differing, coming) == (1, 1, 0, 0)


def test_of_purged_rows_only_sums_are_left(kept: Kept) -> None:
    archived = read_archive(kept.archive)
    ledgered, _ = read_store(kept.store.engine, archived)
    purge_ledger(kept.store.engine, archived, ledgered, NOW_US + HOUR_US, 100)
    for period, is_gone in ((EVER, False), (FIRST, True), (SECOND, False)):
        found, _ = compare(kept, period)
        assert found.differing == 0
        assert (found.total.purged_nanos > 0) is is_gone
        assert found.total.charged_nanos == found.total.ledger_nanos + found.total.purged_nanos > 0


@pytest.mark.parametrize("period", [EVER, FIRST])
def test_a_ledger_that_says_otherwise_is_found(kept: Kept, period: Period) -> None:
    rows = kept.entries(kept.store)
    clicked = next(row for row in rows if row.charged_nanos)
    mine = (ledger.c.request_id == clicked.request_id, ledger.c.action == clicked.action)
    with write_transaction(kept.store.engine) as connection:
        connection.execute(update(ledger).where(*mine).values(charged_nanos=clicked.charged_nanos - 1))
        connection.commit()
    found, _ = compare(kept, period)
    assert (found.differing, found.total.difference_nanos) == (1, 1)
    with write_transaction(kept.store.engine) as connection:
        connection.execute(delete(ledger).where(*mine))
        connection.commit()
    found, _ = compare(kept, period)
    assert (found.differing, found.total.difference_nanos) == (1, clicked.charged_nanos)
    assert kept.store.rows(select(ledger.c.event_seq).where(*mine)) == []


def test_an_archive_that_lost_a_file_is_found(kept: Kept, tmp_path: Path) -> None:
    kept.charge(kept.store.campaign("c"), CLICK, at_us=HOUR_US + 1)
    kept.land()
    first = min((tmp_path / "archive" / "user_feedback").rglob("*.parquet"))
    first.unlink()
    found, _ = compare(kept, FIRST)
    assert found.differing == 1 and found.total.difference_nanos < 0
