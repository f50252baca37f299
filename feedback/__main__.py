"""The feedback handler: charges campaigns for what users did, and relays the outbox to the topics."""

import asyncio
import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
from adplatform.v1.feedback_handler_pb2_grpc import add_FeedbackHandlerServicer_to_server
from pydantic import Field

from feedback.backlog import read_backlog, read_span
from feedback.charger import ChargeRules
from feedback.metrics import figures_of
from feedback.queue import ChargeQueue
from feedback.receipts import ReceiptReader
from feedback.relay import Relay
from feedback.servicer import FeedbackHandlerServicer
from feedback.store import SqlChargeStore
from marketplace.clock import system_clock
from marketplace.ports import Publisher
from marketplace.runtime.keys import FollowedRing
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.log.counted import CountedPublisher
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.observed import Observed
from marketplace.runtime.probes import Probe
from marketplace.runtime.process import Loop, Process, Service, run_process
from marketplace.runtime.settings import (
    Address,
    LogSettings,
    ObservedSettings,
    ReceiptSettings,
    SlotSettings,
    StoreSettings,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.outbox import Outbox
from marketplace.runtime.store.restored import refuse_pending

PROGRAM: Final = "feedback-handler"

log = structlog.get_logger()


class FeedbackSettings(StoreSettings, LogSettings, ReceiptSettings, SlotSettings, ObservedSettings, ServerSettings):
    """Takes feedback on served ads, charges the campaigns, and relays the outbox to the topics."""

    listen: Address = "127.0.0.1:50052"
    """Address to listen on."""

    batch_size: int = Field(256, ge=1, le=2_000)
    """At most so many feedbacks are charged in one transaction."""

    queue_capacity: int = Field(10_000, ge=1, le=1_000_000)
    """At most so many feedbacks wait to be charged; more are refused with RESOURCE_EXHAUSTED."""

    queue_wait_ms: int = Field(200, ge=10, le=60_000)
    """Feedback that would wait longer to be charged, as it goes at the moment, is refused likewise, but for a batch."""

    outbox_limit: int = Field(5_000_000, ge=1)
    """While so many rows wait in the outbox, as the log is away, feedback is refused likewise; a row is half a kB."""


def build(settings: FeedbackSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    refuse_pending(engine)
    topics = open_topics(settings)
    keys = FollowedRing(settings.receipt_keys)
    receipts = ReceiptReader(keys.reload, system_clock, settings.receipt_life_us)
    store = SqlChargeStore(engine)
    observed = Observed(PROGRAM, settings)
    make_queue: Callable[..., ChargeQueue] = ChargeQueue
    publisher = CountedPublisher(topics.publisher())
    relayed: Publisher = publisher
    if observed.tracer:
        from feedback.traced import TracedPublisher, TracedQueue  # loads what only traces need

        make_queue = partial(TracedQueue, observed.tracer)
        relayed = TracedPublisher(publisher, observed.tracer)
    span = observed.ask(Probe("outbox span", lambda: read_span(engine), every_s=1.0))
    queue = make_queue(
        store,
        system_clock,
        ChargeRules(settings.slot_grid, settings.receipt_life_us),
        batch_size=settings.batch_size,
        capacity=settings.queue_capacity,
        max_wait_s=settings.queue_wait_ms / 1_000,
        outbox_full=lambda: (span.newest or 0) >= settings.outbox_limit,
    )
    relay = Relay(Outbox(engine), relayed)
    answers = observed.ask(Probe("store", store.ping, every_s=1.0, rest=1.0))
    backlog = observed.ask(Probe("outbox", lambda: read_backlog(engine, system_clock), every_s=5.0), if_watched=True)
    observed.figures += [*figures_of(queue, lambda: backlog.newest), *publisher.figures()]
    draining = asyncio.Event()
    servicer = FeedbackHandlerServicer(receipts, queue, draining)
    gc.collect()
    gc.freeze()  # a full collection walks 120,000 objects of modules: 40 ms in which no call is answered
    return Process(
        listen=settings.listen,
        services=[
            Service("adplatform.v1.FeedbackHandler", lambda to: add_FeedbackHandlerServicer_to_server(servicer, to))
        ],
        observed=observed,
        able=lambda: answers.answers,
        loops=[Loop("charging", queue.run), Loop("relay", relay.run), Loop("keys", keys.run)],
        drain=draining.set,
        close=topics.close,
    )


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, FeedbackSettings, build))


if __name__ == "__main__":
    main()
