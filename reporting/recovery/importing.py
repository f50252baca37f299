"""Teaches a restored store what happened after its backup: the archived events that it lacks become its ledger's.

Order: 1 the ad manager has applied every command, the writer has landed every event; 2 find the events that the store
lacks, and refuse if the archive does not have them whole; 3 add them to the ledger, file by file; 4 in one transaction
charge the campaigns again, and give all of them a new change_no; 5 reconcile; 6 take the mark away. Killed after any of
them, the next run goes on: what the ledger has above a campaign's event_seq was added by an earlier try of 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from marketplace.errors import FailedPrecondition
from marketplace.ports import COMMANDS, USER_FEEDBACK, Log
from marketplace.runtime.archive.open import Archive
from marketplace.runtime.archive.positions import archive_positions
from marketplace.runtime.store.engine import unavailable
from marketplace.runtime.store.restored import clear_pending, is_pending
from marketplace.runtime.store.rows import campaign_of, insert_rows, row_of, update_rows
from marketplace.runtime.store.schema import ads, counters, ledger, positions
from marketplace.runtime.store.transactions import reading, retrying, write_transaction
from marketplace.slots import SlotGrid
from reporting.archived import read_archive
from reporting.reconcile_cli import compare_books
from reporting.recovery.accounts import Charge, charged_again
from reporting.recovery.events import events_of, ledger_row
from reporting.recovery.lacking import Lacking, find_lacking
from reporting.summary import ReconciliationSummary

_CAMPAIGNS_AT_A_TIME: Final = 200
_CHARGED: Final = ("campaign_id", "spent_nanos", "status", "slot_no", "slot_budget_nanos", "event_seq")


@dataclass(frozen=True, slots=True)
class Imported:
    """How many events were imported, and the reconciliation afterwards: the mark is gone only if that is ok."""

    events: int
    reconciled: ReconciliationSummary


def import_archived(engine: Engine, topics: Log, archive: Archive, grid: SlotGrid) -> Imported:
    """Brings a restored store up to the archive. Raises FailedPrecondition with what has to be done first, Unavailable.

    To be run while nobody charges or fills slots, which `refuse_pending` sees to.
    """
    with reading(engine) as connection:
        if not is_pending(connection):
            raise FailedPrecondition("the store was not restored from a backup, or is complete already")
    _refuse_undrained(engine, topics, archive)  # 1
    with reading(engine) as connection:
        known = {
            row.campaign_id: row.event_seq for row in connection.execute(select(ads.c.campaign_id, ads.c.event_seq))
        }
    lacking = find_lacking(archive.files, read_archive(archive), known)  # 2
    try:
        _add(engine, lacking)  # 3
    except SQLAlchemyError as problem:
        raise unavailable(problem) from problem
    retrying(lambda: _charge_again(engine, lacking.events, grid))  # 4
    reconciled = compare_books(engine, topics, archive)  # 5
    if reconciled.ok:
        retrying(lambda: _complete(engine))  # 6
    return Imported(sum(lacking.events.values()), reconciled)


def _refuse_undrained(engine: Engine, topics: Log, archive: Archive) -> None:
    with reading(engine) as connection:
        applied = {
            row.topic_partition: row.next_offset
            for row in connection.execute(select(positions).filter_by(topic=COMMANDS))
        }
    archived = archive_positions(archive.files, USER_FEEDBACK)
    for topic, reached, who in ((COMMANDS, applied, "ad manager"), (USER_FEEDBACK, archived, "writer")):
        for partition, bounds in topics.bounds(topic).items():
            if bounds.end > max(bounds.start, reached.get(partition, 0)):
                raise FailedPrecondition(
                    f"{topic} partition {partition} goes on to offset {bounds.end}, the {who} has come to "
                    f"{reached.get(partition, 0)}: let it catch up first"
                )


def _add(engine: Engine, lacking: Lacking) -> None:
    with reading(engine) as connection:
        beyond = select(ledger.c.campaign_id, ledger.c.event_seq).join(ads, ads.c.campaign_id == ledger.c.campaign_id)
        added = {(name, seq) for name, seq in connection.execute(beyond.where(ledger.c.event_seq > ads.c.event_seq))}
    for rows in lacking.rows():
        fresh = [ledger_row(event) for event in events_of(rows)]
        fresh = [row for row in fresh if (row["campaign_id"], row["event_seq"]) not in added]
        with write_transaction(engine) as connection:
            insert_rows(connection, ledger, fresh)
            connection.commit()


def _charge_again(engine: Engine, events: Mapping[str, int], grid: SlotGrid) -> None:
    names = iter(sorted(events))
    with write_transaction(engine) as connection:
        while some := list(islice(names, _CAMPAIGNS_AT_A_TIME)):
            statement = select(ads).where(ads.c.campaign_id.in_(some)).order_by(ads.c.campaign_id).with_for_update()
            campaigns = [campaign_of(row) for row in connection.execute(statement)]
            after = [
                charged_again(campaign, _charges(connection, campaign.campaign_id, campaign.event_seq), grid)
                for campaign in campaigns
            ]
            rows = [{name: row[name] for name in _CHARGED} for row in map(row_of, after)]
            update_rows(connection, ads, "campaign_id", rows)
        _tell_ad_servers(connection)
        connection.commit()


def _charges(connection: Connection, campaign_id: str, after: int) -> Iterable[Charge]:
    charged = select(ledger.c.charged_at_us, ledger.c.charged_nanos)
    wanted = charged.where(ledger.c.campaign_id == campaign_id, ledger.c.event_seq > after)
    return [(at_us, nanos) for at_us, nanos in connection.execute(wanted.order_by(ledger.c.event_seq))]


def _tell_ad_servers(connection: Connection) -> None:
    """Lets those that have followed the lost store see every campaign as it stands here. Last before the commit."""
    connection.execute(update(counters).where(counters.c.name == "ads").values(value=counters.c.value + 1))
    connection.execute(text("UPDATE ads SET change_no = (SELECT value FROM counters WHERE name = 'ads')"))


def _complete(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        clear_pending(connection)
        connection.commit()
