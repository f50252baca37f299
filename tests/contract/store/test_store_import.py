"""A restored store learns from the archive what happened after its backup, exactly, or says why it cannot."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kept_books import Books
from store_cases import DEFAULT_SLOT_US, UNIT, Store, campaign, claim

from marketplace.errors import FailedPrecondition
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, USER_FEEDBACK, Message
from marketplace.runtime.settings import BadSettingError
from marketplace.runtime.store.restored import refuse_pending
from reporting.reconcile_cli import reconcile
from reporting.recovery import importing
from reporting.recovery.backup import backup_store, restore_store
from reporting.retention.days import retire_days

VIEW, CLICK, ACQUISITION = Action
DAY_US = 86_400_000_000


@pytest.fixture
def books(store: Store, tmp_path: Path) -> Iterator[Books]:
    books = Books(store, tmp_path)
    yield books
    books.log.close()
    books.archive.catalog.close()


@pytest.fixture
def restore(books: Books, fresh: Store, tmp_path: Path) -> Callable[[], Store]:
    """When called, puts the backup in the place of the store, into a database of the same kind."""

    def restored() -> Store:
        restore_store(tmp_path / "backup", fresh.engine)
        books.store = fresh
        return fresh

    return restored


def backed_up(books: Books, tmp_path: Path) -> Store:
    """Backs the store up; returns it."""
    backup_store(books.store.engine, tmp_path / "backup")
    return books.store


def test_the_ledger_is_the_lost_one(books: Books, restore: Callable[[], Store], tmp_path: Path) -> None:
    books.command("c")
    c = books.store.campaign()
    first = books.charge(c, VIEW, CLICK)
    lost = backed_up(books, tmp_path)
    books.command("later")
    later = books.store.campaign("later")
    serves = [claim(c, ACQUISITION, auction_cpc_nanos=7, auction_cpa_nanos=9), replace(first[0], action=CLICK)]
    lost.charge(*serves)
    books.charge(later, *[VIEW, CLICK, ACQUISITION] * 8, at_us=2)
    books.land()

    restored = restore()
    assert not reconcile(restored.engine, books.log, books.archive).ok
    books.apply_again(restored)
    imported = books.imported()
    assert (imported.events, imported.reconciled.ok) == (26, True)
    assert books.entries(restored) == books.entries(lost)
    for name in ("c", "later"):
        assert replace(restored.campaign(name), change_no=0) == replace(lost.campaign(name), change_no=0)
    refuse_pending(restored.engine)
    assert reconcile(restored.engine, books.log, books.archive).ok

    (answer,) = restored.charge(serves[0])
    assert answer.repeat, "what the client was told before still holds"  # type: ignore[union-attr]
    books.charge(c, CLICK)
    books.land()  # the backup's outbox is sent again, and dropped
    found = reconcile(restored.engine, books.log, books.archive)
    assert (found.ok, found.archived_events, found.in_flight_events) == (True, 29, 0)


@pytest.mark.parametrize("seed", range(4))
def test_budget_and_slot_are_what_they_were(
    books: Books, restore: Callable[[], Store], tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    c = campaign(budget_nanos=random.choice([UNIT // 10, UNIT, 60 * UNIT]))
    books.store.put(c)
    at_us = 0
    for number in range(30):
        if number == 10:
            lost = backed_up(books, tmp_path)
        at_us += random.randrange(DEFAULT_SLOT_US // 2)
        books.charge(c, *random.choices(list(Action), k=random.randrange(1, 4)), at_us=at_us)
    books.land()
    restored = restore()
    assert books.imported().reconciled.ok
    assert replace(restored.campaign(), change_no=0) == replace(lost.campaign(), change_no=0)


def test_every_campaign_is_told_to_ad_servers_that_knew_the_lost_store(
    books: Books, restore: Callable[[], Store], tmp_path: Path
) -> None:
    books.command("c")
    books.command("d")
    lost = backed_up(books, tmp_path)
    for number in range(3):
        books.command("d", "Update Campaign", budget=str(70 + number))
    newest = lost.campaign("d").change_no
    restored = restore()
    books.apply_again(restored)
    assert books.imported().reconciled.ok
    assert newest < restored.campaign("c").change_no == restored.campaign("d").change_no


def undrained_commands(books: Books) -> None:
    books.log.publisher().publish(COMMANDS, [Message(None, b"{}")])


def undrained_feedback(books: Books) -> None:
    books.log.publisher().publish(USER_FEEDBACK, [Message(None, b"")])


def a_lost_file(books: Books) -> None:
    books.archive.files.remove(books.archive.files.list("user_feedback")[0])


def a_file_twice(books: Books) -> None:
    first = books.archive.files.list("user_feedback")[0]
    with books.archive.files.open(first) as source:
        content = source.read()
    name = first.replace("-00000-", "-00001-")
    books.archive.files.publish(books.archive.files.write_aside(name, lambda sink: sink.write(content)), name)


REFUSED: dict[str, tuple[Callable[[Books], None], str]] = {
    "commands that are not applied": (undrained_commands, "the ad manager has come to"),
    "events that are not landed": (undrained_feedback, "the writer has come to"),
    "a file that is gone": (a_lost_file, "does not hold campaign c whole"),
    "a file that is there twice": (a_file_twice, "does not hold campaign c whole"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused(books: Books, restore: Callable[[], Store], tmp_path: Path, what: str) -> None:
    spoil, sentence = REFUSED[what]
    books.command("c")
    backed_up(books, tmp_path)
    books.charge(books.store.campaign(), *[CLICK] * 25)
    books.land()
    restored = restore()
    spoil(books)
    with pytest.raises(FailedPrecondition, match=sentence):
        books.imported()
    assert books.entries(restored) == []
    with pytest.raises(BadSettingError):
        refuse_pending(restored.engine)


def test_an_archived_campaign_that_nobody_knows_is_refused(
    books: Books, restore: Callable[[], Store], tmp_path: Path
) -> None:
    backed_up(books, tmp_path)
    books.store.put(c := campaign())  # by no command that the topic has
    books.charge(c, CLICK)
    books.land()
    restore()
    with pytest.raises(FailedPrecondition, match="campaign c is archived, but the store does not know it"):
        books.imported()


def test_events_that_are_retired_already_are_refused(
    books: Books, restore: Callable[[], Store], tmp_path: Path
) -> None:
    books.store.put(c := campaign())
    backed_up(books, tmp_path)
    books.charge(c, *[CLICK] * 3)
    books.land()
    books.now_us += 2 * DAY_US
    books.charge(c, CLICK)
    books.land()
    (retired,) = retire_days(books.archive, books.log, USER_FEEDBACK, date(2026, 10, 2))
    assert retired.removed == 1
    restored = restore()
    with pytest.raises(FailedPrecondition, match="lacks 4 events of campaign c, the archive's files have 1"):
        books.imported()
    assert books.entries(restored) == []


def test_a_store_that_was_not_restored_is_left_alone(books: Books) -> None:
    with pytest.raises(FailedPrecondition, match="was not restored"):
        books.imported()


@pytest.mark.parametrize("place", ["insert_rows", "_charge_again", "_complete"])
@pytest.mark.parametrize("after", [False, True])
def test_broken_off_anywhere_it_goes_on(
    books: Books,
    restore: Callable[[], Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    after: bool,
) -> None:
    books.command("c")
    lost = backed_up(books, tmp_path)
    books.charge(lost.campaign(), *[CLICK] * 35)
    books.land()
    restored = restore()
    real, calls = getattr(importing, place), []

    def broken(*arguments: Any) -> None:
        calls.append(1)
        dies = len(calls) == (2 if place == "insert_rows" else 1)
        if dies and not after:
            raise KeyboardInterrupt
        real(*arguments)
        if dies:
            raise KeyboardInterrupt

    monkeypatch.setattr(importing, place, broken)
    with pytest.raises(KeyboardInterrupt):
        books.imported()
    monkeypatch.setattr(importing, place, real)
    if place != "_complete" or not after:
        with pytest.raises(BadSettingError):
            refuse_pending(restored.engine)
        assert books.imported().reconciled.ok
    assert books.entries(restored) == books.entries(lost)
    assert replace(restored.campaign(), change_no=0) == replace(lost.campaign(), change_no=0)
