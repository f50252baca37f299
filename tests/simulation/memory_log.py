"""The topics in memory. See `marketplace.ports`: at least once, in order per key, groups that hand partitions around.

`grouped` is Kafka: the members of a group share the partitions, and hear at their next poll that they have lost or won
some, so two may hold one for a moment. Otherwise it is the embedded log: every member reads every partition.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from baton import Actor
from world import World

from marketplace.errors import FailedPrecondition, Unavailable
from marketplace.ports import Assignment, Bounds, Consumer, Message, Publisher, Record


@dataclass
class Group:
    """Who reads a topic together."""

    members: "list[MemoryConsumer]" = field(default_factory=list)
    committed: dict[int, int] = field(default_factory=dict)


class MemoryLog:
    """See `ports.Log`. Also the broker: what is here survives every process."""

    def __init__(self, world: World, partitions: Mapping[str, int], grouped: bool) -> None:
        self.world = world
        self.grouped = grouped
        self.topics: dict[str, list[list[Record]]] = {name: [[] for _ in range(n)] for name, n in partitions.items()}
        self.groups: dict[tuple[str, str], Group] = {}

    def create_topics(self) -> None:
        """Does nothing: they are there."""

    def publisher(self) -> Publisher:
        return MemoryPublisher(self)

    def consumer(self, topic: str, group: str, assignment: Assignment) -> Consumer:
        self.world.scheduler.step(f"join {topic}")
        return MemoryConsumer(self, topic, self.groups.setdefault((topic, group), Group()), assignment)

    def bounds(self, topic: str) -> dict[int, Bounds]:
        return self.world.call(f"bounds of {topic}", lambda: self.held(topic), Unavailable)

    def held(self, topic: str) -> dict[int, Bounds]:
        """Returns each partition's bounds, as they are."""
        return {number: Bounds(0, len(records)) for number, records in enumerate(self.topics[topic])}

    def read(self, topic: str, partition: int, bounds: Bounds) -> Iterator[Record]:
        yield from self.topics[topic][partition][bounds.start : bounds.end]

    def close(self) -> None:
        """Does nothing."""

    def append(self, topic: str, message: Message, partition: int | None = None) -> None:
        """Puts a message on its topic, at the log's own time, which never runs back within a partition."""
        partitions = self.topics[topic]
        number = zlib.crc32(message.key or b"") % len(partitions) if partition is None else partition
        records = partitions[number]
        time_us = max(self.world.now_us(), records[-1].time_us if records else 0)
        records.append(Record(topic, number, len(records), time_us, message.key, message.value, message.headers))

    def rebalance(self) -> None:
        """Gives some group's partitions out anew."""
        groups = [group for group in self.groups.values() if group.members]
        if groups:
            group = groups[int(self.world.rng.random() * len(groups))]
            group.members.append(group.members.pop(0))
            group.members[0].rejoining = True

    def drop(self, owners: list[Actor]) -> None:
        """Takes members of processes that are no more out of their groups."""
        for group in self.groups.values():
            group.members = [member for member in group.members if member.owner not in owners]


class MemoryPublisher:
    """See `ports.Publisher`. What a call could not get acknowledged may arrive later, but nothing overtakes it."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._unsettled: list[tuple[str, Message]] = []

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        world = self._log.world
        world.scheduler.step(f"publish {len(messages)} to {topic}")
        self._settle()
        fault = world.chance.of_call()
        if fault is None:
            for message in messages:
                self._log.append(topic, message)
            return
        world.say(f"  publish: {fault}")
        if fault != "fails":
            self._unsettled = [(topic, message) for message in messages]
            if fault == "answer lost":
                self._settle()
            else:
                world.later(world.rng.random() * 1.5, "broker", self._settle)
        raise Unavailable

    def close(self) -> None:
        """Lets go of the log."""
        self._log.world.scheduler.step("close publisher")

    def _settle(self) -> None:
        """Delivers what is on its way, or the first part of it: all of it, more often than not."""
        messages, self._unsettled = self._unsettled, []
        rng = self._log.world.rng
        reached = len(messages) if rng.random() < 0.6 else int(rng.random() * len(messages))
        for topic, message in messages[:reached]:
            self._log.append(topic, message)


class MemoryConsumer:
    """See `ports.Consumer`."""

    def __init__(self, log: MemoryLog, topic: str, group: Group, assignment: Assignment) -> None:
        self.owner = log.world.scheduler.current
        self.rejoining = False
        self._log = log
        self._topic = topic
        self._group = group
        self._assignment = assignment
        self._positions: dict[int, int] = {}
        group.members.append(self)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        world = self._log.world
        world.scheduler.step(f"poll {self._topic}")
        fault = world.chance.of_call(("fails", "answer lost"))
        if fault == "fails":
            world.say("  poll: fails")
            raise Unavailable
        self._take_up()
        records = self._next(max_records)
        if not records:
            world.sleep(timeout_s * (1 + 3 * world.rng.random()))
            self._take_up()
            records = self._next(max_records)
        if fault and records:
            world.say("  poll: moved on, answer lost")
            raise Unavailable
        return records

    def seek(self, partition: int, offset: int) -> None:
        if partition in self._positions:
            self._positions[partition] = offset

    def commit(self, positions: Mapping[int, int]) -> None:
        self._log.world.call(
            f"commit {dict(positions)} of {self._topic}", lambda: self._group.committed.update(positions), Unavailable
        )

    def close(self) -> None:
        self._log.world.scheduler.step(f"leave {self._topic}")
        if self in self._group.members:
            self._group.members.remove(self)
        self._assignment.revoked(list(self._positions))

    def _take_up(self) -> None:
        """Hears what the group has decided."""
        mine = self._share()
        if self.rejoining:
            self.rejoining = False
            gone, won = set(self._positions), mine
        else:
            gone, won = self._positions.keys() - mine, mine - self._positions.keys()
        if gone:
            for number in gone:
                del self._positions[number]
            self._assignment.revoked(sorted(gone))
        if won:
            self._log.world.say(f"  won {sorted(won)} of {self._topic}")
            held = self._log.bounds(self._topic)
            kept = self._log.world.call(f"committed of {self._topic}", self._group.committed.copy, Unavailable)
            self._positions |= self._assignment.assigned(
                {number: held[number] for number in sorted(won)},
                {number: at for number, at in kept.items() if number in won},
            )

    def _share(self) -> set[int]:
        numbers = range(len(self._log.topics[self._topic]))
        if not self._log.grouped:
            return set(numbers)
        members = self._group.members
        if self not in members:  # the group has given up on it: it joins again
            members.append(self)
        return {number for number in numbers if members[number % len(members)] is self}

    def _next(self, max_records: int) -> list[Record]:
        for number in sorted(self._positions, key=self._turn()):
            position = self._positions[number]
            records = self._log.topics[self._topic][number]
            if position > len(records):
                raise FailedPrecondition(f"{self._topic}/{number} cannot be read from {position}")
            if found := records[position : position + max_records]:
                some = found[: 1 + int(self._log.world.rng.random() * len(found))]
                self._positions[number] = some[-1].offset + 1
                return some
        return []

    def _turn(self) -> Callable[[int], float]:
        places = {number: self._log.world.rng.random() for number in sorted(self._positions)}
        return places.__getitem__
