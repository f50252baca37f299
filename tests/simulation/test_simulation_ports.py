"""What runs on the ports in memory may rely on: transactions, topics and files behave as their ports say."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from baton import Actor, Killed
from memory_database import Transaction
from shared import Mesh
from sqlalchemy.exc import IntegrityError, OperationalError
from world import World

from marketplace.errors import Unavailable
from marketplace.ports import COMMANDS, Bounds, Message


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    world = World(1)
    world.chance.quiet = True
    mesh = Mesh(world)
    mesh.database.coarse = False
    mesh.log.grouped = True
    yield mesh
    world.scheduler.close()


def fault(mesh: Mesh, kind: str) -> None:
    """Lets the next call meet a fault."""
    kinds = iter([kind])
    mesh.world.chance.of_call = lambda among=(): next(kinds, None)  # type: ignore[method-assign, assignment]


def run(mesh: Mesh, *works: Callable[[], object]) -> list[Actor]:
    """Runs actors until all have ended."""
    actors = [mesh.world.scheduler.spawn(f"actor-{number}", work) for number, work in enumerate(works)]
    while not all(actor.ended for actor in actors):
        mesh.world.sleep(0.1)
    return actors


def test_what_is_written_is_seen_after_the_commit_and_not_before(mesh: Mesh) -> None:
    table = mesh.database.table("t")
    with mesh.database.transaction() as transaction:
        transaction.put("t", 1, "new")
        assert transaction.get("t", 1) == "new" and not table
        transaction.commit()
    assert table == {1: "new"}
    with mesh.database.transaction() as transaction:
        transaction.put("t", 1, "newer")
    assert table == {1: "new"}


def test_who_wants_a_locked_row_waits_and_sees_what_was_committed(mesh: Mesh) -> None:
    def count() -> None:
        with mesh.database.transaction() as transaction:
            transaction.statement("count")
            transaction.lock("t", 1)
            number = transaction.get("t", 1) or 0
            mesh.world.sleep(1)
            transaction.put("t", 1, number + 1)
            transaction.commit()

    run(mesh, *[count] * 5)
    assert mesh.database.table("t") == {1: 5}


def test_a_key_is_inserted_once_by_whoever_comes_first(mesh: Mesh) -> None:
    refused = []

    def insert() -> None:
        try:
            with mesh.database.transaction() as transaction:
                transaction.insert("t", 1, "row")
                mesh.world.sleep(1)
                transaction.commit()
        except IntegrityError as problem:
            refused.append(problem)

    run(mesh, insert, insert)
    assert len(refused) == 1


def test_of_two_that_wait_for_each_other_one_is_undone(mesh: Mesh) -> None:
    undone = []

    def cross(*keys: int) -> None:
        try:
            with mesh.database.transaction() as transaction:
                for key in keys:
                    transaction.put("t", key, keys)
                    mesh.world.sleep(1)
                transaction.commit()
        except OperationalError as problem:
            undone.append(problem.orig)

    run(mesh, lambda: cross(1, 2), lambda: cross(2, 1))
    assert [getattr(problem, "errno", 0) for problem in undone] == [1213]
    assert len(mesh.database.table("t")) == 2


@pytest.mark.parametrize(("kind", "committed"), [("fails", False), ("answer lost", True)])
def test_a_commit_without_an_answer_may_have_happened(mesh: Mesh, kind: str, committed: bool) -> None:
    with pytest.raises(OperationalError), mesh.database.transaction() as transaction:
        transaction.put("t", 1, "row")
        fault(mesh, kind)
        transaction.commit()
    assert bool(mesh.database.table("t")) is committed
    assert not mesh.database.locks


def test_a_commit_that_is_still_on_its_way_keeps_its_locks(mesh: Mesh) -> None:
    with pytest.raises(OperationalError), mesh.database.transaction() as transaction:
        transaction.put("t", 1, "row")
        fault(mesh, "done later")
        transaction.commit()
    assert mesh.database.locks and not mesh.database.table("t")
    while mesh.world.pending:
        mesh.world.sleep(0.1)
    assert not mesh.database.locks


def test_what_a_killed_client_had_open_is_undone_by_the_server(mesh: Mesh) -> None:
    opened: list[Transaction] = []

    def work() -> None:
        with mesh.database.transaction() as transaction:
            opened.append(transaction)
            transaction.put("t", 1, "row")
            with pytest.raises(Killed):
                mesh.world.sleep(10)
            transaction.commit()  # has no effect, and raises Killed again

    actor = mesh.world.scheduler.spawn("client", work)
    mesh.world.sleep(1)
    mesh.world.scheduler.kill([actor])
    assert actor.ended and mesh.database.locks
    mesh.database.drop([actor])
    assert not mesh.database.locks and not mesh.database.table("t")


def test_messages_of_a_failed_call_arrive_as_a_first_part_or_not_at_all(mesh: Mesh) -> None:
    sent = [Message(b"k", b"%d" % number) for number in range(5)]
    lengths = set()
    for _ in range(50):
        for partition in mesh.log.topics[COMMANDS]:
            partition.clear()
        fault(mesh, "answer lost")
        with pytest.raises(Unavailable):
            mesh.log.publisher().publish(COMMANDS, sent)
        there = [record.value for partition in mesh.log.topics[COMMANDS] for record in partition]
        assert there == [message.value for message in sent[: len(there)]]
        lengths.add(len(there))
    assert {0, 5} < lengths


class Reader:
    """An assignment that reads on from what was committed."""

    def __init__(self) -> None:
        self.held: set[int] = set()

    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        self.held |= set(partitions)
        return {number: committed.get(number, 0) for number in partitions}

    def revoked(self, partitions: Any) -> None:
        self.held -= set(partitions)


def test_a_group_shares_the_partitions_and_reads_on_from_what_was_committed(mesh: Mesh) -> None:
    mesh.log.topics[COMMANDS] = [[], []]
    for number in range(20):
        mesh.log.append(COMMANDS, Message(b"k%d" % number, b"%d" % number))
    first, second = Reader(), Reader()
    one = mesh.log.consumer(COMMANDS, "g", first)
    one.poll(100, 0.1)
    assert first.held == {0, 1}
    two = mesh.log.consumer(COMMANDS, "g", second)
    one.poll(100, 0.1), two.poll(100, 0.1)
    assert (first.held, second.held) == ({0}, {1})
    two.commit({1: 3})
    two.close()
    for _ in range(20):
        records = one.poll(100, 0.1)
        if records and records[0].partition == 1:
            assert records[0].offset == 3
            return
    raise AssertionError("nothing came of the partition")


def test_a_name_in_the_archive_is_given_once(mesh: Mesh) -> None:
    files = mesh.files
    asides = [files.write_aside("t/dt=1/a.parquet", lambda sink: sink.write(b"x")) for _ in range(2)]
    assert files.list("t") == []
    assert [files.publish(aside, "t/dt=1/a.parquet") for aside in asides] == [True, False]
    assert files.list("t") == ["t/dt=1/a.parquet"]
