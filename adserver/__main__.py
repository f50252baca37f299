"""The ad server: auctions in memory, sealed receipts, serve records."""

import asyncio
import random
import sys
from typing import Final

import structlog
from adplatform.v1.ad_server_pb2_grpc import add_AdServerServicer_to_server
from pydantic import Field
from uuid6 import uuid7

from adserver.records import ServeRecords
from adserver.refresh import Refresher
from adserver.serve import AdService
from adserver.servicer import AdServerServicer
from adserver.store import SqlCampaignFeed, SqlProfileSource
from marketplace.clock import system_clock
from marketplace.runtime.keys import load_ring
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.process import Loop, Process, Service, run_process
from marketplace.runtime.settings import Address, LogSettings, ReceiptSettings, StoreSettings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate

PROGRAM: Final = "adserver"

log = structlog.get_logger()


class AdServerSettings(StoreSettings, LogSettings, ReceiptSettings):
    """Answers ServeAd: auctions among the campaigns in memory, refreshed from the store."""

    listen: Address = "127.0.0.1:50051"
    """Address to listen on."""

    record_capacity: int = Field(50_000, ge=1, le=10_000_000)
    """At most so many serve records wait for the topic; more are dropped and counted."""

    draw_seed: int | None = None
    """Makes the draws between equal bids repeatable; for tests."""


def build(settings: AdServerSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    topics = open_topics(settings)
    records = ServeRecords(topics.publisher(), settings.record_capacity)
    ring = load_ring(settings.receipt_keys)
    draw = random.Random(settings.draw_seed).random  # seeded from the system's entropy unless told
    service = AdService(ring, records, system_clock, uuid7, draw)
    refresher = Refresher(SqlCampaignFeed(engine), SqlProfileSource(engine), service, system_clock)
    draining = asyncio.Event()
    servicer = AdServerServicer(service, draining)
    return Process(
        listen=settings.listen,
        services=[Service("adplatform.v1.AdServer", lambda to: add_AdServerServicer_to_server(servicer, to))],
        loops=[Loop("refresh", refresher.run), Loop("records", records.run)],
        ready=refresher.loaded,
        drain=draining.set,
        close=topics.close,
    )


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, AdServerSettings, build))


if __name__ == "__main__":
    main()
