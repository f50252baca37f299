"""A campaign's course is whole from its first win on: before any view, and after its ledger rows and days are gone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from kept_books import Books
from store_cases import GRID, HOUR_US, NOW_US, UNIT, Store, campaign, serve_of

from marketplace.campaign import Window
from marketplace.errors import Unavailable
from marketplace.feedback import Action
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, Message
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.wire import encode_serve, encode_served_batch
from reporting.archived import read_archive
from reporting.retention.days import retire_days
from reporting.retention.ledger import purge_ledger
from reporting.service import ledger
from reporting.service.past import Past
from reporting.service.sample import PER_MILLION, Sample, SampledAd
from reporting.service.share import Share
from reporting.service.views import Series, Views
from reporting.service.wins import WinReader
from reporting.sources import read_store
from writer.batching import Limits
from writer.landings import ServedLanding
from writer.loop import Writer

VIEW, CLICK, ACQUISITION = Action
MINUTE_US = 60_000_000
DAY_US = 24 * HOUR_US
LATER_US = NOW_US + 40 * DAY_US
LONG = Window(NOW_US - DAY_US, NOW_US + 100 * DAY_US)
MINE = campaign(window=LONG, budget_nanos=1_000 * UNIT, slot_budget_nanos=500 * UNIT)


@pytest.fixture
def books(store: Store, tmp_path: Path) -> Iterator[Books]:
    books = Books(store, tmp_path)
    store.put(MINE)
    yield books
    books.log.close()
    books.archive.catalog.close()


@pytest.fixture
def views(books: Books, tmp_path: Path) -> Iterator[Callable[..., Views]]:
    """Opens what a reporting service that was just started knows."""
    catalogs: list[DuckDbCatalog] = []

    def open_views(now_us: int = LATER_US, sample: Sample | None = None) -> Views:
        catalogs.extend(DuckDbCatalog(tmp_path / "archive") for _ in range(2))
        wins, past = WinReader(catalogs[-2]), Past(catalogs[-1])
        return Views(books.store.engine, wins, past, sample or Sample(0, 1), GRID, lambda: now_us)

    yield open_views
    for catalog in catalogs:
        catalog.close()


def land_serves(books: Books, *served_at_us: int, prices: Sequence[int] = ()) -> None:
    """Lands serves of the campaign, each at its time, at clearing prices of 30,000 nanos unless told otherwise."""
    for at_us, price in zip_longest(served_at_us, prices, fillvalue=30_000):
        books.now_us = at_us
        serve = serve_of(MINE, served_at_us=at_us, auction_cpm_nanos=price)
        books.log.publisher().publish(SERVED_ADS, [Message(None, encode_served_batch([encode_serve(serve)]))])
        writer = Writer(books.log, books.archive.files, books.archive.catalog, ServedLanding(), Limits(max_age_s=0))
        for _ in range(3):
            writer.step()


def charge(books: Books, *actions: Action, at_us: int) -> None:
    """Charges feedback after so long, and lands it."""
    books.now_us = NOW_US + at_us
    books.charge(MINE, *actions, at_us=at_us, served_at_us=NOW_US + at_us, auction_cpm_nanos=20_000)
    books.land()


def purge(books: Books) -> int:
    archived = read_archive(books.archive)
    purged = purge_ledger(books.store.engine, archived, read_store(books.store.engine, archived)[0], LATER_US, 2)
    assert purged.left_alone == {}
    return purged.rows


def totals(series: Series) -> dict[str, int]:
    assert series.complete
    names = ("views", "clicks", "acquisitions", "charged_nanos", "uncharged_nanos")
    return {name: sum(getattr(step, name) for step in series.steps) for name in names}


def won(series: Series) -> int:
    counts = {at_us: wins.count for at_us, wins in series.wins.items()}
    assert sum(counts[step.start_us] for step in series.steps if step.start_us in counts) == sum(counts.values())
    return sum(counts.values())


def test_wins_count_before_the_first_view_and_whatever_their_age(
    books: Books, views: Callable[..., Views], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = views(NOW_US + HOUR_US)
    assert (won(opened.series("c", None, None, 100)), opened.series("c", None, None, 100).steps) == (0, [])
    land_serves(books, NOW_US + MINUTE_US, NOW_US + MINUTE_US, NOW_US + 5 * MINUTE_US, prices=(20_000, 30_001, 40_000))
    early = views(NOW_US + HOUR_US).series("c", None, None, 100)
    assert (won(early), early.wins_since_us, [step.start_us - NOW_US for step in early.steps]) == (
        3,
        None,
        [MINUTE_US, 5 * MINUTE_US],
    )
    assert [early.wins[step.start_us].clearing_cpm_nanos for step in early.steps] == [25_000, 40_000]
    charge(books, VIEW, at_us=10 * MINUTE_US)
    for now_us in (NOW_US + HOUR_US, LATER_US):  # so many days later, the same
        found = views(now_us).series("c", None, None, 100)
        assert (won(found), found.wins_since_us, totals(found)["views"]) == (3, None, 1)

    slow = views(LATER_US)
    monkeypatch.setattr(slow._wins._early, "get", lambda *_: (_ for _ in ()).throw(Unavailable()))
    found = slow.series("c", None, None, 100)
    assert (won(found), found.wins_since_us) == (0, (LATER_US // DAY_US - 1) * DAY_US), "it says what it did not count"


def test_totals_stay_after_the_ledger_is_purged_and_the_days_are_retired(
    books: Books, views: Callable[..., Views]
) -> None:
    charge(books, VIEW, VIEW, CLICK, at_us=1)
    charge(books, VIEW, ACQUISITION, at_us=7 * MINUTE_US)
    charge(books, CLICK, at_us=2 * DAY_US)
    land_serves(books, NOW_US + 1, NOW_US + 1, NOW_US + 2 * DAY_US)
    running = views()
    before = running.series("c", None, None, 1_000)
    assert totals(before) == {
        "views": 6,  # who clicks or buys has seen the ad
        "clicks": 3,
        "acquisitions": 1,
        "charged_nanos": 2 * MINE.cpc_nanos + MINE.cpa_nanos,
        "uncharged_nanos": 0,
    }
    assert (before.steps[0].clearing_cpm_nanos, before.charged_before_nanos, won(before)) == (20_000, 0, 3)

    assert purge(books) == 6
    assert ledger.newest_lines(books.store.engine, "c", None, 10) == []
    for opened in (running, views()):
        assert opened.series("c", None, None, 1_000) == before
    charge(books, VIEW, at_us=3 * DAY_US)
    for opened in (running, views()):
        after = opened.series("c", None, None, 1_000)
        assert totals(after) == {**totals(before), "views": 7}

    for topic in (USER_FEEDBACK, SERVED_ADS):
        assert [day.date for day in retire_days(books.archive, books.log, topic, date(2026, 10, 2))] == ["2026-10-01"]
    later = views().series("c", None, None, 1_000)
    assert (totals(later), won(later), later.charged_before_nanos) == (totals(after), 3, 0)
    assert later.steps[0].clearing_cpm_nanos == 0, "of a retired day there are no prices"
    assert [wins.clearing_cpm_nanos for _, wins in sorted(later.wins.items())] == [0, 30_000]
    assert later.steps[-1].clearing_cpm_nanos == 20_000


def test_what_is_purged_between_two_reads_is_said_and_found_the_next_time(
    books: Books, views: Callable[..., Views], monkeypatch: pytest.MonkeyPatch
) -> None:
    charge(books, VIEW, CLICK, CLICK, at_us=1)
    read = ledger.account

    def account_before_the_purge(*arguments: Any) -> ledger.Account | None:
        found = read(*arguments)
        purge(books)
        return found

    opened = views()
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "account", account_before_the_purge)
        assert not opened.series("c", None, None, 10).complete
    assert totals(opened.series("c", None, None, 10))["clicks"] == 2


def test_auctions_that_an_exhausted_campaign_was_not_in_are_not_lost(books: Books, views: Callable[..., Views]) -> None:
    small = replace(MINE, campaign_id="small", budget_nanos=MINE.cpc_nanos, highest_budget_nanos=MINE.cpc_nanos)
    books.store.put(small)
    lost = SampledAd(NOW_US, "other", 9, 8, 30, "F", "M", "Mumbai", "", "iPhone")
    sample = Sample(PER_MILLION, 100)
    sample.add(lost._replace(served_at_us=NOW_US + minute * MINUTE_US) for minute in range(-2, 4))
    opened = views(NOW_US + HOUR_US // 2, sample)
    opened.series("small", None, None, 10)
    assert opened.share("small")[:3] == (6, 4, 4), "two were before its last command"
    books.charge(small, CLICK, at_us=2 * MINUTE_US)
    opened.series("small", None, None, 10)
    assert opened.share("small")[:3] == (6, 2, 2), "and two after its last charge"
    assert opened.share("nobody") == Share()
