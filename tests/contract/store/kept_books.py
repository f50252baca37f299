"""A store with the topic and the archive behind it, all of which tests drive by hand; the log's clock is theirs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from store_cases import GRID, NOW_US, Store, claim, records
from store_cases import command as new_command

from feedback.charger import Claim
from feedback.relay import Relay
from marketplace.campaign import Campaign
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, USER_FEEDBACK, Message
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.archive.files import LocalFiles
from marketplace.runtime.archive.open import Archive
from marketplace.runtime.archive.positions import archive_positions
from marketplace.runtime.log.embedded import EmbeddedLog
from marketplace.runtime.log.topics import platform_topics
from marketplace.runtime.store.outbox import Outbox
from marketplace.runtime.store.schema import ledger
from reporting.recovery.importing import Imported, import_archived
from writer.batching import Limits
from writer.landings import FeedbackLanding
from writer.loop import Writer


class Books:
    """The store, its topics and its archive."""

    def __init__(self, store: Store, folder: Path) -> None:
        (folder / "archive").mkdir()
        self.store = store
        self.now_us = NOW_US
        self.log = EmbeddedLog(folder / "log.db", platform_topics(), 10.0, now_us=lambda: self.now_us)
        self.log.create_topics()
        self.archive = Archive(LocalFiles(folder / "archive"), DuckDbCatalog(folder / "archive"))

    def command(self, campaign_id: str, action: str = "New Campaign", **changes: Any) -> None:
        """Puts a command on the topic, and applies it."""
        value = new_command(campaign_id, action, **changes)
        (message,) = records([value], self.log.bounds(COMMANDS)[0].end)
        self.log.publisher().publish(COMMANDS, [Message(None, message.value)])
        self.store.apply([message])

    def apply_again(self, store: Store) -> None:
        """Applies to another store the commands that it has not seen."""
        position = store.commands.positions(COMMANDS, {0: 0})[0]
        bounds = self.log.bounds(COMMANDS)[0]
        for record in self.log.read(COMMANDS, 0, bounds):
            if record.offset >= position:
                store.apply([record])

    def charge(self, of: Campaign, *actions: Action, at_us: int = 1, **serve: Any) -> list[Claim]:
        """Charges feedback on a serve of each its own; `at_us` is how long after the beginning."""
        claims = [claim(of, action, **serve) for action in actions]
        self.store.charge(*claims, clock=lambda: NOW_US + at_us)
        return claims

    def send(self) -> None:
        """Sends the outbox to the topic."""
        relay = Relay(Outbox(self.store.engine), self.log.publisher())
        while relay.sweep():
            pass

    def land(self) -> None:
        """Sends the outbox, and lands the topic in files of at most ten events."""
        self.send()
        landing = FeedbackLanding(self.archive.files)
        writer = Writer(
            self.log, self.archive.files, self.archive.catalog, landing, Limits(max_records=10, max_age_s=0)
        )
        while archive_positions(self.archive.files, USER_FEEDBACK).get(0, 0) < self.log.bounds(USER_FEEDBACK)[0].end:
            writer.step()

    def imported(self) -> Imported:
        """Brings the store, which must be a restored one, up to the archive."""
        return import_archived(self.store.engine, self.log, self.archive, GRID)

    def entries(self, store: Store) -> Sequence[Any]:
        """Returns a store's whole ledger."""
        return store.rows(select(ledger).order_by(ledger.c.campaign_id, ledger.c.event_seq))
