"""What must hold: of each commit, of everything at any moment, and of everything at rest."""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from memory_archive import Sink
from memory_charges import LedgerRow
from memory_database import Row
from shared import Mesh
from world import Violation

from feedback.charging import price_nanos
from marketplace.archive_layout import FileName
from marketplace.campaign import Campaign, Status
from marketplace.feedback import FeedbackEvent
from marketplace.ports import USER_FEEDBACK
from marketplace.wire import decode_event
from reporting.reconcile import Archived, Ledgered, Pending, compare


class Event(NamedTuple):
    """An event as ledger and archive both have it. Money in nanos."""

    campaign_id: str
    event_seq: int
    request_id: str
    action: str
    charged_nanos: int
    uncharged_nanos: int


def hold(condition: bool, what: str) -> None:
    """Raises Violation unless the condition holds."""
    if not condition:
        raise Violation(what)


def check_commit(mesh: Mesh, writes: Mapping[Row, Any]) -> None:
    """Holds a transaction that is about to commit against the campaigns as they are: no budget is overspent."""
    campaigns = mesh.database.table("ads")
    for (table, key), new in writes.items():
        old = campaigns.get(key)
        if table != "ads" or old is None:
            continue
        spent, most = new.spent_nanos, max(old.spent_nanos, new.budget_nanos)
        hold(old.spent_nanos <= spent <= most, f"{key}: spent goes from {old.spent_nanos} to {spent} of {most}")
        hold(0 <= new.slot_budget_nanos <= new.leftover_nanos, f"{key}: the slot's budget is not within the leftover")
        filled = new.slot_budget_nanos <= old.slot_budget_nanos or new.slot_no > old.slot_no
        hold(filled or new.updated_us != old.updated_us, f"{key}: slot {new.slot_no} is filled twice")
        hold(new.status is not Status.ACTIVE or new.leftover_nanos > 0, f"{key}: active with nothing left")


def check_moment(mesh: Mesh) -> int:
    """Reconciles archive, topic, outbox and ledger, as `reconcile` does; returns how many events are on their way."""
    ledger, archived = ledger_events(mesh), archived_events(mesh)
    campaigns: dict[str, Campaign] = mesh.database.table("ads")
    names = {row.event: (row.campaign_id, row.event_seq) for row in mesh.database.table("ledger").values()}
    travelling: dict[str, set[int]] = defaultdict(set)
    on_topic = (record.value for records in mesh.log.topics[USER_FEEDBACK] for record in records)
    in_outbox = (row.value for row in mesh.database.table("outbox").values() if row.topic == USER_FEEDBACK)
    for values in (on_topic, in_outbox):
        for value in values:
            hold(value in names, "an event is on its way that the ledger does not know")
            campaign_id, seq = names[value]
            travelling[campaign_id].add(seq)
    landed = {name: _archived(events) for name, events in by_campaign(archived).items()}
    charged: dict[str, list[Event]] = {name: [] for name in campaigns} | by_campaign(ledger)
    summary = compare(
        landed,
        {
            name: _ledgered(events, campaigns[name], landed[name].last_seq if name in landed else 0)
            for name, events in charged.items()
        },
        travelling,
    )
    hold(summary.ok, "; ".join(summary.findings))
    missing = set(archived) - set(ledger)
    hold(not missing, f"archived other than charged: {sorted(missing)[:3]}")
    for name, events in by_campaign(ledger).items():
        seqs = sorted(event.event_seq for event in events)
        hold(seqs == list(range(1, len(seqs) + 1)), f"{name}: event_seq {seqs} is not dense")
    check_committed(mesh)
    return summary.in_flight_events


def check_committed(mesh: Mesh) -> None:
    """Holds the files against each other, and the committed offsets against the files."""
    ends = archived_ends(mesh)
    for (topic, name), group in mesh.log.groups.items():
        if name == "feedback-writer":
            for partition, offset in group.committed.items():
                end = ends.get((topic, partition), 0)
                hold(offset <= end, f"{topic}/{partition}: committed up to {offset}, archived up to {end}")


def archived_ends(mesh: Mesh) -> dict[tuple[str, int], int]:
    """Returns up to where each partition is archived; its files must form a chain."""
    ends: dict[tuple[str, int], int] = {}
    names = [(FileName.parse(path), path) for path in mesh.files.published]
    for name, path in sorted((name.start, path) for name, path in names if name):
        parsed = FileName.parse(path)
        assert parsed
        lane = (parsed.topic, parsed.partition)
        hold(name == ends.get(lane, 0), f"{path} does not begin where the file before it ends")
        ends[lane] = _end(mesh.files.published[path])
    return ends


def check_receipts(rows: Iterable[LedgerRow]) -> None:
    """Holds each receipt's charges against the price of its highest action."""
    by_request: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        by_request[row.request_id].append(row)
    for request_id, charges in by_request.items():
        actions = [row.action for row in charges]
        hold(len(set(actions)) == len(actions), f"{request_id}: an action is charged twice")
        serve = decode_event(charges[0].event).serve
        price = max(price_nanos(serve, action) for action in actions)
        total = sum(row.entry.charged_nanos + row.entry.uncharged_nanos for row in charges)
        hold(total == price, f"{request_id}: charged and uncharged are {total}, the highest price is {price}")


def ledger_events(mesh: Mesh) -> list[Event]:
    """Returns what was charged."""
    rows: Iterable[LedgerRow] = mesh.database.table("ledger").values()
    return [
        Event(
            row.campaign_id,
            row.event_seq,
            row.request_id,
            row.action.name,
            row.entry.charged_nanos,
            row.entry.uncharged_nanos,
        )
        for row in rows
    ]


def archived_events(mesh: Mesh) -> list[Event]:
    """Returns what is archived."""
    events: list[Event] = []
    for path, sink in mesh.files.published.items():
        if path.startswith("user_feedback/"):
            events += _from_parquet(sink) if sink.rows is None else map(_of, sink.rows)
    return events


def _of(event: FeedbackEvent) -> Event:
    serve = event.serve
    return Event(
        serve.winner.campaign_id,
        event.event_seq,
        serve.request_id,
        event.action.name,
        event.charged_nanos,
        event.uncharged_nanos,
    )


def _from_parquet(sink: Sink) -> Iterator[Event]:
    columns = ("campaign_id", "event_seq", "request_id", "user_action", "expenditure", "uncharged")
    table = pq.read_table(io.BytesIO(sink.getvalue()))
    *texts, charged, uncharged = (table[name].to_pylist() for name in columns)
    money = ([int(amount.scaleb(9)) for amount in amounts if amount is not None] for amounts in (charged, uncharged))
    return map(Event._make, zip(*texts, *money, strict=True))


def by_campaign(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Groups events."""
    groups: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        groups[event.campaign_id].append(event)
    return groups


def _archived(events: list[Event]) -> Archived:
    seqs = [event.event_seq for event in events]
    return Archived(len(seqs), len(set(seqs)), max(seqs), sum(event.charged_nanos for event in events))


def _ledgered(events: list[Event], campaign: Campaign, archived_seq: int) -> Ledgered:
    return Ledgered(
        events=len(events),
        charged_nanos=sum(event.charged_nanos for event in events),
        event_seq=campaign.event_seq,
        spent_nanos=campaign.spent_nanos,
        highest_budget_nanos=campaign.highest_budget_nanos,
        pending=[Pending(e.event_seq, e.charged_nanos) for e in events if e.event_seq > archived_seq],
    )


def _end(sink: Sink) -> int:
    if sink.end is not None:
        return sink.end
    metadata = pq.read_metadata(io.BytesIO(sink.getvalue())).metadata or {}
    return int(metadata[b"adplatform.end"])
