"""The reporting service: what campaign managers look at, from store, topics and archive."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Final

import grpc.aio
from adplatform.v1.reporting_pb2_grpc import add_ReportingServicer_to_server
from pydantic import AfterValidator, Field

from marketplace.clock import system_clock
from marketplace.ports import SERVED_ADS, USER_FEEDBACK, Log, Record
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.archive.open import Archive, open_archive, open_files
from marketplace.runtime.credentials import ClientSettings, Credentials
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.log.open import open_topics
from marketplace.runtime.observed import Observed
from marketplace.runtime.probes import Probe
from marketplace.runtime.process import Loop, Process, Service, run_process
from marketplace.runtime.settings import (
    Address,
    ArchiveSettings,
    CurrencySettings,
    LogSettings,
    ObservedSettings,
    SlotSettings,
    StoreSettings,
    TimeZoneName,
)
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.ping import ping
from marketplace.runtime.tls import channel_credentials
from reporting.period import parse_time_zone
from reporting.service.books import Books
from reporting.service.figures import AuctionFigures
from reporting.service.follower import Follower
from reporting.service.health import HealthWatch
from reporting.service.past import Past
from reporting.service.sample import PER_MILLION, Sample
from reporting.service.servicer import ReportingServicer, Sources
from reporting.service.traffic import Traffic
from reporting.service.views import Views
from reporting.service.wins import WinReader
from reporting.service.wire import seen_feedback, seen_serves

PROGRAM: Final = "reporting-service"
_ARCHIVE_S: Final = 60.0
_MEMORY: Final = "512MB"
_FEEDBACK_BACKLOG: Final = 20_000
_SERVES_BACKLOG: Final = 2_000


def _named(text: str) -> str:
    named_addresses(text)
    return text


def named_addresses(text: str) -> dict[str, str]:
    """Reads `adserver=127.0.0.1:50051,writer=...`. Raises ValueError."""
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if not all(name and address for name, _, address in pairs):
        raise ValueError(f"{text!r:.80} is not of the form name=address,name=address")
    return {name: address for name, _, address in pairs}


NamedAddresses = Annotated[str, AfterValidator(_named)]


class ReportingSettings(
    StoreSettings,
    LogSettings,
    ArchiveSettings,
    CurrencySettings,
    SlotSettings,
    ObservedSettings,
    ServerSettings,
    ClientSettings,
):
    """Answers campaign managers: what goes on, campaigns, estimates, bills and reports. Changes nothing."""

    listen: Address = "127.0.0.1:50056"
    """Address to listen on."""

    billing_time_zone: TimeZoneName = "UTC"
    """Time zone of periods that name none."""

    watch: NamedAddresses = ""
    """Processes whose health is shown, such as adserver=127.0.0.1:50051,feedback-handler=127.0.0.1:50052."""

    watch_metrics: str = ""
    """Metrics endpoints of the ad servers, with commas between; without them it is not known why ads are not shown."""

    auction_sample: float = Field(0.01, ge=0, le=1)
    """Share of the auctions, with the ads served in them, that estimates are made from."""

    sample_capacity: int = Field(10_000, ge=1, le=200_000)
    """At most so many sampled ads are kept."""


def build(settings: ReportingSettings) -> Process:
    """Wires the process; on the event loop."""
    engine = open_engine(settings.store_url, pool_size=10)
    migrate(engine)
    topics = open_topics(settings)
    sample = Sample(round(settings.auction_sample * PER_MILLION), settings.sample_capacity)
    traffic = Traffic()
    auctions = AuctionFigures([address for address in settings.watch_metrics.split(",") if address])
    wins, past = WinReader(_session(settings)), Past(_session(settings))
    archive = Archive(open_archive(settings.archive_url).files, _session(settings))
    sources = Sources(
        engine=engine,
        views=Views(engine, wins, past, sample, settings.slot_grid, system_clock),
        books=Books(engine, topics, archive, _session(settings), settings.currency),
        traffic=traffic,
        sample=sample,
        auctions=auctions,
        health=HealthWatch(named_addresses(settings.watch), _connect(Credentials.of(settings))),
        grid=settings.slot_grid,
        zone=parse_time_zone(settings.billing_time_zone),
        currency=settings.currency,
        clock=system_clock,
    )
    servicer = ReportingServicer(sources)

    observed = Observed(PROGRAM, settings)
    answers = observed.ask(Probe("store", lambda: ping(engine), every_s=1.0, rest=1.0))

    def close() -> None:
        servicer.close()
        topics.close()

    return Process(
        listen=settings.listen,
        observed=observed,
        able=lambda: answers.answers,
        services=[Service("adplatform.v1.Reporting", lambda to: add_ReportingServicer_to_server(servicer, to))],
        loops=[Loop("auctions", auctions.run), *_followers(topics, traffic, sample)],
        close=close,
    )


def _followers(topics: Log, traffic: Traffic, sample: Sample) -> list[Loop]:
    def take_feedback(records: Sequence[Record]) -> None:
        traffic.add(seen_feedback(records))

    def take_serves(records: Sequence[Record]) -> None:
        seen, sampled = seen_serves(records, sample)
        traffic.add(seen)
        sample.add(sampled)

    def follow(topic: str, backlog: int, take: Callable[[Sequence[Record]], None]) -> Loop:
        begin = partial(traffic.begin, topic)
        return Loop(topic, Follower(topics, topic, backlog, take, begin, system_clock).run)

    return [
        follow(USER_FEEDBACK, _FEEDBACK_BACKLOG, take_feedback),
        follow(SERVED_ADS, _SERVES_BACKLOG, take_serves),
    ]


def _connect(credentials: Credentials) -> Callable[[str, str], grpc.aio.Channel]:
    """Returns how processes are asked for their health: also those that do not serve, unlike by `open_channel`."""
    options = [("grpc.max_reconnect_backoff_ms", 1_000)]

    def connect(name: str, address: str) -> grpc.aio.Channel:
        tls = credentials.newest().tls
        if tls is None:
            return grpc.aio.insecure_channel(address, options)
        named = [*options, ("grpc.ssl_target_name_override", credentials.server_name or name)]
        return grpc.aio.secure_channel(address, channel_credentials(tls), named)

    return connect


def _session(settings: ReportingSettings) -> DuckDbCatalog:
    catalog = open_files(settings.archive_url, _ARCHIVE_S, _MEMORY)
    catalog.create_tables()
    return catalog


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, ReportingSettings, build))


if __name__ == "__main__":
    main()
