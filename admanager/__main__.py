"""The ad manager: CampaignManager over gRPC, and the consumer that applies the command topic to the store."""

import sys
from typing import Final

import structlog
from adplatform.v1.campaign_manager_pb2_grpc import add_CampaignManagerServicer_to_server

from admanager.consume import CommandConsumer
from admanager.lifecycle import Rules
from admanager.metrics import command_figures
from admanager.servicer import CampaignManagerServicer
from admanager.store import SqlCommandStore
from admanager.submit import Submitter
from marketplace.clock import system_clock
from marketplace.ports import COMMANDS
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.log.counted import CountedPublisher
from marketplace.runtime.log.lag import read_lag
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.observed import Observed
from marketplace.runtime.probes import Probe
from marketplace.runtime.process import Loop, Process, Service, run_process
from marketplace.runtime.settings import (
    Address,
    LogSettings,
    ObservedSettings,
    SlotSettings,
    StoreSettings,
    ZoneSettings,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.ping import ping

PROGRAM: Final = "ad-manager"

log = structlog.get_logger()


class AdManagerSettings(StoreSettings, LogSettings, SlotSettings, ZoneSettings, ObservedSettings, ServerSettings):
    """Takes campaign commands over gRPC onto the topic, and applies the topic to the store."""

    listen: Address = "127.0.0.1:50053"
    """Address to listen on."""


def build(settings: AdManagerSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url)
    migrate(engine)
    topics = open_topics(settings)
    store = SqlCommandStore(engine)
    zone = settings.zone
    consumer = CommandConsumer(topics, store, system_clock, Rules(settings.slot_grid, zone))
    publisher = CountedPublisher(topics.publisher())
    servicer = CampaignManagerServicer(store, Submitter(store, publisher, system_clock), zone, system_clock)

    observed = Observed(PROGRAM, settings)
    answers = observed.ask(Probe("store", lambda: ping(engine), every_s=1.0, rest=1.0))
    lag = observed.ask(
        Probe("commands", lambda: read_lag(topics, COMMANDS, consumer.positions), every_s=5.0), if_watched=True
    )
    observed.figures += [*command_figures(consumer, lambda: lag.newest), *publisher.figures()]

    def close() -> None:
        publisher.close()
        topics.close()

    return Process(
        listen=settings.listen,
        services=[
            Service("adplatform.v1.CampaignManager", lambda to: add_CampaignManagerServicer_to_server(servicer, to))
        ],
        observed=observed,
        able=lambda: answers.answers,
        loops=[Loop("commands", consumer.run)],
        close=close,
    )


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, AdManagerSettings, build))


if __name__ == "__main__":
    main()
