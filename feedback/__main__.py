"""The feedback handler: charges campaigns for what users did, and relays the outbox to the topics."""

import asyncio
import sys
from typing import Final

import structlog
from adplatform.v1.feedback_handler_pb2_grpc import add_FeedbackHandlerServicer_to_server
from pydantic import Field

from feedback.charger import ChargeRules
from feedback.queue import ChargeQueue
from feedback.receipts import ReceiptReader
from feedback.relay import Relay
from feedback.servicer import FeedbackHandlerServicer
from feedback.store import SqlChargeStore
from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.runtime.keys import load_ring
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.process import Loop, Process, Service, run_process
from marketplace.runtime.settings import Address, LogSettings, ReceiptSettings, SlotSettings, StoreSettings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.outbox import Outbox

PROGRAM: Final = "feedback-handler"

log = structlog.get_logger()


class FeedbackSettings(StoreSettings, LogSettings, ReceiptSettings, SlotSettings):
    """Takes feedback on served ads, charges the campaigns, and relays the outbox to the topics."""

    listen: Address = "127.0.0.1:50052"
    """Address to listen on."""

    receipt_life_hours: int = Field(24, ge=1, le=24 * 30)
    """Feedback on an older serve is refused."""

    batch_size: int = Field(256, ge=1, le=2_000)
    """At most so many feedbacks are charged in one transaction."""

    queue_capacity: int = Field(10_000, ge=1, le=1_000_000)
    """At most so many feedbacks wait to be charged; more are refused with RESOURCE_EXHAUSTED."""

    queue_wait_ms: int = Field(500, ge=10, le=60_000)
    """Feedback that would wait longer to be charged, as it goes at the moment, is refused likewise."""


def build(settings: FeedbackSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    topics = open_topics(settings)
    life_us = settings.receipt_life_hours * 3_600 * US_PER_SECOND
    receipts = ReceiptReader(lambda: load_ring(settings.receipt_keys), system_clock, life_us)
    queue = ChargeQueue(
        SqlChargeStore(engine),
        system_clock,
        ChargeRules(settings.slot_grid, life_us),
        batch_size=settings.batch_size,
        capacity=settings.queue_capacity,
        max_wait_s=settings.queue_wait_ms / 1_000,
    )
    relay = Relay(Outbox(engine), topics.publisher())
    draining = asyncio.Event()
    servicer = FeedbackHandlerServicer(receipts, queue, draining)
    return Process(
        listen=settings.listen,
        services=[
            Service("adplatform.v1.FeedbackHandler", lambda to: add_FeedbackHandlerServicer_to_server(servicer, to))
        ],
        loops=[Loop("charging", queue.run), Loop("relay", relay.run)],
        drain=draining.set,
        close=topics.close,
    )


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, FeedbackSettings, build))


if __name__ == "__main__":
    main()
