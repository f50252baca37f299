"""The platform's processes, wired as each `__main__` wires them, on what is in memory."""

import asyncio
import random
from datetime import UTC
from typing import Any, Final

from adplatform.v1 import feedback_handler_pb2 as pb
from life import Context, EventLoop, Loops, Process
from memory_charges import MemoryChargeStore
from memory_command_store import MemoryCommandStore
from memory_reads import MemoryFeed, MemoryOutbox, NoProfiles
from shared import Mesh

from admanager.commands import Verb
from admanager.consume import CommandConsumer
from admanager.lifecycle import Rules
from admanager.slot_manager import SlotManager
from admanager.submit import Submitted, Submitter
from adserver.records import ServeRecords
from adserver.refresh import Refresher
from adserver.serve import AdRequest, AdService, ServedAdvert
from feedback.charger import ChargeRules
from feedback.queue import ChargeQueue
from feedback.receipts import ReceiptReader
from feedback.relay import Relay
from feedback.servicer import FeedbackHandlerServicer
from marketplace.clock import US_PER_SECOND
from marketplace.runtime.keys import FollowedRing
from marketplace.slots import SlotGrid
from writer.landings import FeedbackLanding, Landing, ServedLanding
from writer.loop import Writer

GRID: Final = SlotGrid()
RULES: Final = Rules(GRID, UTC)
LIFE_US: Final = 24 * 3_600 * US_PER_SECOND


class AdManager(Process):
    """See admanager/__main__.py."""

    def build(self, loop: EventLoop) -> Loops:
        store = MemoryCommandStore(self.mesh.database)
        consumer = CommandConsumer(self.mesh.log, store, self.clock, RULES)
        self._submitter = Submitter(store, self.mesh.log.publisher(), self.clock)
        return [("commands", consumer.run)]

    def submit(self, verb: Verb, fields: dict[str, Any], account: str | None) -> Submitted:
        """Submits a command, in a thread of the process, as a call of that account does. Raises PlatformError."""
        done: list[Submitted | Exception] = []
        submitter = self._submitter

        def run() -> None:
            try:
                done.append(submitter.submit(verb, fields, account=account))
            except Exception as problem:
                done.append(problem)
            self.wake_callers()

        def request() -> Submitted:
            self.spawn("submit", run)
            self.wait_for(lambda: bool(done), 20.0)
            if isinstance(done[0], Exception):
                raise done[0]
            return done[0]

        return self.call("submit", request)


class SlotKeeper(Process):
    """See admanager/slot_manager.py."""

    def build(self, loop: EventLoop) -> Loops:
        manager = SlotManager(MemoryCommandStore(self.mesh.database), GRID, self.clock, 2)
        return [("slots", manager.run)]


class AdServer(Process):
    """See adserver/__main__.py."""

    def build(self, loop: EventLoop) -> Loops:
        records, keys = ServeRecords(self.mesh.log.publisher(), 1_000), _followed_ring(self.mesh)
        draw = random.Random(self.life).random
        self.service = AdService(keys.ring, records, self.clock, self.mesh.request_id, draw)
        self.feed = MemoryFeed(self.mesh.database)
        refresher = Refresher(self.feed, NoProfiles(), self.service, self.clock, clock_s=self.world.now_s)
        return [("refresh", refresher.run), ("records", records.run), ("keys", keys.run)]

    def serve(self, request: AdRequest) -> list[ServedAdvert]:
        """Asks for ads. Raises PlatformError."""
        return self.call("serve", lambda: self.service.serve(request))


class FeedbackHandler(Process):
    """See feedback/__main__.py."""

    def build(self, loop: EventLoop) -> Loops:
        store, rules = MemoryChargeStore(self.mesh.database), ChargeRules(GRID, LIFE_US)
        keys = _followed_ring(self.mesh)
        receipts = ReceiptReader(keys.reload, self.clock, LIFE_US)
        queue = ChargeQueue(store, self.clock, rules, batch_size=4, capacity=6, max_wait_s=5.0)
        outbox: Any = MemoryOutbox(self.mesh.database)  # Relay names the one in SQL
        relay = Relay(outbox, self.mesh.log.publisher())
        self._loop = loop
        self._servicer = FeedbackHandlerServicer(receipts, queue, asyncio.Event())
        return [("charging", queue.run), ("relay", relay.run), ("keys", keys.run)]

    def submit(self, request: pb.SubmitFeedbackRequest) -> pb.SubmitFeedbackResponse:
        """Submits a feedback. Raises PlatformError."""
        return self.call("feedback", lambda: self._answer(request))

    def _answer(self, request: pb.SubmitFeedbackRequest) -> pb.SubmitFeedbackResponse:
        answering = self._servicer.SubmitFeedback(request, Context())
        with self._loop.running():
            future: Any = answering.send(None)
        try:
            self.wait_for(future.done, 5.0)
            answering.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            future.cancel()
            answering.close()
        raise AssertionError("a call answers once")


class ArchiveWriter(Process):
    """See writer/__main__.py."""

    def build(self, loop: EventLoop) -> Loops:
        files = self.mesh.files
        landings: list[Landing] = [FeedbackLanding(files)]
        if self.world.chance.size.served_too:
            landings.append(ServedLanding())
        return [(landing.topic, self._writer(landing).run) for landing in landings]

    def _writer(self, landing: Landing) -> Writer:
        mesh = self.mesh
        return Writer(mesh.log, mesh.files, mesh.catalog, landing, mesh.limits, clock_s=self.world.now_s)  # type: ignore[arg-type]


def _followed_ring(mesh: Mesh) -> FollowedRing:
    path: Any = mesh  # see `seams`
    return FollowedRing(path)
