"""What the reporting service answers from: a real store, real topics and a real archive, all of them small."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from installation import CAMPAIGNS, DAY_US, NOW_US, clock, serve
from sqlalchemy import Engine, insert

from admanager.apply import apply_batch
from admanager.lifecycle import Rules
from admanager.store import SqlCommandStore
from feedback.charger import ChargeRules, Claim, charge_batch
from feedback.store import SqlChargeStore
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, Record
from marketplace.runtime.archive.open import Archive, open_archive, open_files
from marketplace.runtime.log.open import open_log
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.rows import row_of
from marketplace.runtime.store.schema import ads, users
from marketplace.runtime.store.transactions import write_transaction
from marketplace.slots import SlotGrid
from marketplace.wire import decode_terms, encode_serve
from reporting.service.books import Books, Kept, Key
from reporting.service.figures import AuctionFigures
from reporting.service.health import HealthWatch
from reporting.service.past import Past
from reporting.service.sample import PER_MILLION, Sample, SampledAd
from reporting.service.servicer import Sources
from reporting.service.traffic import Seen, Traffic
from reporting.service.views import Views
from reporting.service.wins import WinReader

_USER = {"age": 30, "gender": "F", "internet_usage": "", "income_bucket": "M", "device_type": "iPhone"}
_TEXTS = ("user_agent_string", "websites", "movies", "music", "program", "books", "negatives", "positives")


class QuickBooks(Books):
    """Books that make a statement once, and call it that of every period: to make one takes a tenth of a second."""

    _whole: Kept | None = None

    def _make(self, key: Key) -> Kept:
        if self._whole is None:
            self._whole = super()._make(key)
        key.period.sql_bounds()
        self._named[self._whole.name] = self._whole
        return replace(self._whole, statement=replace(self._whole.statement, period=key.period))


@contextmanager
def sources(folder: Path, make_books: type[Books] = QuickBooks) -> Iterator[Sources]:
    """Opens what there is to report on, in an empty folder."""
    engine = open_engine(f"sqlite:///{folder}/store.db")
    migrate(engine)
    topics = open_log(f"sqlite:///{folder}/log.db")
    topics.create_topics()
    url = f"file://{folder}/archive"
    archive, bills, wins, past = open_archive(url), open_files(url), open_files(url), open_files(url)
    for catalog in (archive.catalog, bills, wins, past):
        catalog.create_tables()
    _fill(engine)
    sample, traffic = Sample(PER_MILLION, 100), Traffic()
    sample.add([SampledAd(NOW_US - number, "known", 9, 8, None, "", "", "Mumbai", "", "") for number in range(20)])
    traffic.begin("served-ads", NOW_US - DAY_US)
    traffic.add([Seen(NOW_US - 1, ads=3, views=2, charged_nanos=1)])
    try:
        yield Sources(
            engine=engine,
            views=Views(engine, WinReader(wins), Past(past), sample, SlotGrid(), clock),
            books=make_books(engine, topics, Archive(archive.files, archive.catalog), bills, "USD"),
            traffic=traffic,
            sample=sample,
            auctions=AuctionFigures([]),
            health=HealthWatch({}, _unwatched),
            grid=SlotGrid(),
            zone=UTC,
            currency="USD",
            clock=clock,
        )
    finally:
        topics.close()
        engine.dispose()


def _fill(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        connection.execute(insert(ads), [row_of(row) for row in CAMPAIGNS.values()])
        connection.execute(insert(users), [{"id": f"u{n}", **_USER, **dict.fromkeys(_TEXTS, "")} for n in range(3)])
        connection.commit()
    serves = [encode_serve(serve(request_id=str(uuid.UUID(int=number)))) for number in range(5)]
    claims = [Claim(decode_terms(served_ad), Action.CLICK) for served_ad in serves]
    charge_batch(SqlChargeStore(engine), claims, clock, ChargeRules(SlotGrid(), DAY_US))
    commands = SqlCommandStore(engine)
    commands.positions(COMMANDS, {0: 0})
    commands.submit("pending", "known", "Update Campaign", NOW_US)
    records = [Record(COMMANDS, 0, 0, NOW_US, b"known", b'{"campaign_id": "known", "action": "Update Campaign"}')]
    apply_batch(commands, records, 0, NOW_US, Rules(SlotGrid(), UTC))


def _unwatched(*_: Any) -> Any:
    raise AssertionError("nothing is watched")
