"""The ad server: auctions in memory, sealed receipts, serve records."""

import asyncio
import random
import sys
from typing import Final

import structlog
from adplatform.v1.ad_server_pb2_grpc import add_AdServerServicer_to_server
from pydantic import Field

from adserver.metrics import figures_of
from adserver.records import ServeRecords
from adserver.refresh import Refresher
from adserver.request_ids import new_request_id
from adserver.serve import AdService
from adserver.servicer import AdServerServicer
from adserver.store import SqlCampaignFeed, SqlProfileSource
from adserver.workers import run_workers
from marketplace.clock import system_clock
from marketplace.runtime.keys import FollowedRing
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.log.counted import CountedPublisher
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.logging import configure_logging
from marketplace.runtime.observed import Observed
from marketplace.runtime.process import Loop, Process, Service, run_process
from marketplace.runtime.settings import (
    Address,
    LogSettings,
    ObservedSettings,
    ReceiptSettings,
    StoreSettings,
    parse_settings,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate

PROGRAM: Final = "adserver"

log = structlog.get_logger()


class AdServerSettings(StoreSettings, LogSettings, ReceiptSettings, ObservedSettings, ServerSettings):
    """Answers ServeAd: auctions among the campaigns in memory, refreshed from the store."""

    listen: Address = "127.0.0.1:50051"
    """Address to listen on."""

    record_capacity: int = Field(50_000, ge=1, le=10_000_000)
    """At most so many serve records wait for the topic; more are dropped and counted."""

    max_staleness_seconds: float = Field(300.0, gt=0, le=86_400)
    """For so long ads are served from memory while the store does not answer."""

    workers: int = Field(1, ge=1, le=256)
    """So many processes share the port, each with its own index: one for each core that it may have to itself."""

    draw_seed: int | None = None
    """Makes the draws between equal bids repeatable; for tests."""


def build(settings: AdServerSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    topics = open_topics(settings)
    publisher = CountedPublisher(topics.publisher())
    records = ServeRecords(publisher, settings.record_capacity)
    keys = FollowedRing(settings.receipt_keys)
    draw = random.Random(settings.draw_seed).random  # seeded from the system's entropy unless told
    service = AdService(keys.ring, records, system_clock, new_request_id, draw)
    refresher = Refresher(
        SqlCampaignFeed(engine), SqlProfileSource(engine), service, system_clock, settings.max_staleness_seconds
    )
    draining = asyncio.Event()
    servicer = AdServerServicer(service, draining, settings.workers)
    observed = Observed(PROGRAM, settings)
    observed.figures += [*figures_of(service, refresher, records), *publisher.figures()]
    if observed.tracer:
        from adserver.traced import TracedServicer  # loads what only traces need

        servicer = TracedServicer(observed.tracer, service, draining, settings.workers)
    return Process(
        listen=settings.listen,
        observed=observed,
        services=[Service("adplatform.v1.AdServer", lambda to: add_AdServerServicer_to_server(servicer, to))],
        loops=[Loop("refresh", refresher.run), Loop("records", records.run), Loop("keys", keys.run)],
        ready=refresher.loaded,
        able=refresher.fresh,
        drain=draining.set,
        close=topics.close,
    )


def main() -> None:
    """Runs the process, or those of several workers."""
    settings = parse_settings(AdServerSettings, PROGRAM)
    if settings.workers == 1:
        sys.exit(run_process(PROGRAM, AdServerSettings, build))
    configure_logging(PROGRAM, settings.log_level)
    sys.exit(run_workers(settings.workers, sys.argv[1:]))


if __name__ == "__main__":
    main()
