"""One run: a seed's mesh, its users and its faults, and then rest."""

from dataclasses import dataclass, field
from typing import Final

from baton import Actor, Stuck
from invariants import check_commit, check_moment
from life import Process
from outside import Manager, Users
from processes import AdManager, AdServer, ArchiveWriter, FeedbackHandler, SlotKeeper
from rest import check_rest, unrest
from seams import seams
from shared import NEW_KEY_US, Mesh
from world import Violation, World

from marketplace.clock import US_PER_SECOND

_PARQUET_EVERY: Final = 64
_LOOK_EVERY: Final = 200
_JUMPS_S: Final = (-7_200, -300, -40, 40, 600, 601, 3_600, 7_200, 90_000)


@dataclass
class Result:
    """What came of a seed; no `problem` if everything held."""

    seed: int
    problem: str = ""
    struck: list[tuple[int, str]] = field(default_factory=list)
    trace: list[tuple[float, str, str]] = field(default_factory=list)
    steps: int = 0
    charges: int = 0


def simulate(seed: int, spared: frozenset[int] = frozenset()) -> Result:
    """Runs a seed; faults whose number is in `spared` do not strike."""
    world = World(seed, spared)
    run = Run(world)
    result = Result(seed)
    try:
        with seams(world, parquet=seed % _PARQUET_EVERY == _PARQUET_EVERY - 1):
            run.play()
    except (Violation, Stuck) as problem:
        result.problem = f"{type(problem).__name__}: {problem}"
    finally:
        world.scheduler.close()
    result.struck, result.trace, result.steps = world.chance.struck, world.scheduler.trace, world.scheduler.steps
    result.charges = len(run.mesh.database.table("ledger"))
    return result


class Run:
    """A mesh and what happens to it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mesh = Mesh(world)
        self.mesh.database.before_commit = lambda writes: check_commit(self.mesh, writes)
        size = world.chance.size
        self.managers = [AdManager(f"ad-manager-{n}", self.mesh) for n in range(size.managers)]
        self.adservers = [AdServer(f"adserver-{n}", self.mesh) for n in range(size.adservers)]
        self.handlers = [FeedbackHandler(f"handler-{n}", self.mesh) for n in range(size.handlers)]
        writers = [ArchiveWriter(f"writer-{n}", self.mesh) for n in range(size.writers)]
        slots = SlotKeeper("slot-manager", self.mesh)
        self.processes: list[Process] = [*self.managers, *self.adservers, *self.handlers, *writers, slots]

    def play(self) -> None:
        """Lets everything happen. Raises Violation and Stuck."""
        world, size = self.world, self.world.chance.size
        manager = Manager(self.mesh, self.managers)
        manager.begin(size.campaigns)
        users = Users(self.mesh, self.adservers, self.handlers)
        world.scheduler.between = self._between
        for process in self.processes:
            process.start()
        outside: list[Actor] = [
            world.scheduler.spawn(f"user-{n}", lambda: users.live(size.rounds)) for n in range(size.users)
        ]
        outside.append(world.scheduler.spawn("campaigns", lambda: manager.live(size.commands)))
        while not all(actor.ended for actor in outside):
            world.scheduler.wait(0.5)
        world.chance.quiet = True
        self._rest()
        check_rest(self.mesh, users, manager, self.adservers)

    def _rest(self) -> None:
        for _ in range(500):
            self.world.scheduler.wait(0.2)
            if not unrest(self.mesh, self.processes):
                return
        raise Violation(f"does not come to rest: {unrest(self.mesh, self.processes)}")

    def _between(self) -> None:
        if self.world.scheduler.steps % _LOOK_EVERY == 0:
            check_moment(self.mesh)
        fault = self.world.chance.of_step()
        if fault:
            self.world.say(f"  fault: {fault}")
            getattr(self, "_" + fault.replace(" ", "_"))()

    def _some(self) -> Process:
        return self.processes[int(self.world.rng.random() * len(self.processes))]

    def _crash(self) -> None:
        victim = self._some()
        self.world.say(f"  {victim.name} is killed")
        victim.crash()

    def _leave(self) -> None:
        victim = self._some()
        self.world.say(f"  {victim.name} is told to stop")
        victim.leave()

    def _cut(self) -> None:
        self.mesh.database.cut()

    def _pause(self) -> None:
        self.world.pending += 1
        try:
            self.world.scheduler.wait(self.world.rng.random() * 5)
        finally:
            self.world.pending -= 1

    def _clock_jump(self) -> None:
        jump_s = self.world.rng.choice(_JUMPS_S)
        self.world.say(f"  the clock jumps by {jump_s} s")
        self.world.jumped_us += jump_s * US_PER_SECOND
        self.world.was_set_back |= jump_s < 0

    def _rebalance(self) -> None:
        self.mesh.log.rebalance()

    def _new_key(self) -> None:
        self.mesh.add_key()
        self.world.jumped_us += self.world.rng.choice((0, NEW_KEY_US))  # nothing happens until it is sealed with
