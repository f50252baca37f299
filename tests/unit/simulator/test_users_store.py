"""Users in the store's table: whole, once, whatever is loaded how often; what does not fit is left out and said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from marketplace.datafiles import Skipped
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.schema import counters, users
from simulator.population import Population, usable
from simulator.users import COLUMNS, User, build_users
from simulator.users_store import load_users


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path}/store.db")
    migrate(opened)
    yield opened
    opened.dispose()


def stored(engine: Engine) -> tuple[int, int]:
    """Returns how many users there are, and what the ad servers watch."""
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(users)).scalar_one()
        version = connection.execute(select(counters.c.value).where(counters.c.name == "users")).scalar_one()
        return count, version


def test_loading_twice_is_loading_once(engine: Engine) -> None:
    people = list(build_users(1_203, seed=1))
    seen: list[int] = []
    assert load_users(engine, people, lambda done, of: seen.append(done)) == 1_203
    assert seen == [500, 1_000, 1_203]
    assert stored(engine) == (1_203, 1)
    older = [replace(user, age=99) for user in people[:700]]
    assert load_users(engine, iter(older)) == 700
    assert stored(engine) == (1_203, 2)
    with engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(users))}
    assert [rows[user.id].age for user in people[699:701]] == [99, people[700].age]
    row, user = rows[people[1_000].id], people[1_000]
    texts = [str(getattr(user, column)) for column in COLUMNS]
    assert [str(getattr(row, column)) for column in COLUMNS] == texts


def test_the_same_id_twice_in_a_file_is_one_user(engine: Engine) -> None:
    first, *_ = build_users(1, seed=1)
    load_users(engine, [first, replace(first, age=77)])
    assert stored(engine) == (1, 1)
    with engine.connect() as connection:
        assert connection.execute(select(users.c.age)).scalar_one() == 77


def test_a_load_that_breaks_off_tells_nobody_and_can_be_made_again(engine: Engine) -> None:
    people = list(build_users(1_200, seed=1))

    def breaking() -> Iterator[User]:
        yield from people[:1_100]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        load_users(engine, breaking())
    assert stored(engine) == (1_000, 0)
    load_users(engine, people)
    assert stored(engine) == (1_200, 1)


def test_what_does_not_fit_is_left_out_and_said() -> None:
    good, *_ = build_users(1, seed=1)
    skipped = Skipped()
    people = [good, replace(good, id="x" * 65), replace(good, device_type="y" * 65), replace(good, books="z" * 10_001)]
    assert list(usable(people, skipped)) == [good]
    assert skipped.lines() == [
        "skipped 2 users whose id or device has more than 64 characters",
        "skipped 1 users with a text of more than 10,000 characters",
    ]


def test_population_gives_what_a_visit_needs() -> None:
    people = list(build_users(100, seed=1))
    population = Population(people)
    assert len(population) == 100
    assert [(person.user_id, person.age, person.device_type) for person in map(population.__getitem__, range(100))] == [
        (user.id, user.age, user.device_type) for user in people
    ]
