"""The stores in memory do what the stores in SQL do: the same work on both leaves the same rows."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pytest
from memory_charges import LedgerRow, MemoryChargeStore
from memory_command_store import MemoryCommandStore
from memory_reads import MemoryFeed, MemoryOutbox
from outside import Manager
from processes import GRID, LIFE_US, RULES
from shared import Mesh
from sqlalchemy import select
from world import World

from admanager.apply import apply_batch
from admanager.ports import CampaignFilter
from admanager.refill import refill_slots
from admanager.store import SqlCommandStore
from adserver.ports import Cursor
from adserver.store import SqlCampaignFeed
from feedback.charger import ChargeRules, Claim, charge_batch
from feedback.relay import Relay
from feedback.store import SqlChargeStore
from marketplace.clock import US_PER_SECOND
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, Message, Record
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.outbox import Outbox
from marketplace.runtime.store.schema import commands, ledger
from marketplace.runtime.store.transactions import reading
from marketplace.serve import Serve, Viewer, Winner
from marketplace.wire import decode_terms, encode_serve

_CHARGE_RULES = ChargeRules(GRID, LIFE_US)


class Sent:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes | None, bytes]] = []

    def publish(self, topic: str, messages: list[Message]) -> None:
        self.messages += [(topic, message.key, message.value) for message in messages]

    def close(self) -> None:
        pass


@dataclass
class Side:
    """One of the two."""

    commands: Any
    charges: Any
    feed: Any
    outbox: Any
    sent: Sent


@pytest.fixture(params=[False, True], ids=["row locks", "one lock"])
def mesh(request: pytest.FixtureRequest) -> Iterator[Mesh]:
    world = World(1)
    world.chance.quiet = True
    mesh = Mesh(world)
    mesh.database.coarse = request.param
    yield mesh
    world.scheduler.close()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_work_leaves_the_same_rows(mesh: Mesh, tmp_path: Path, seed: int) -> None:
    rng = mesh.world.rng
    rng.seed(seed)
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    in_sql = Side(SqlCommandStore(engine), SqlChargeStore(engine), SqlCampaignFeed(engine), Outbox(engine), Sent())
    database = mesh.database
    in_memory = Side(
        MemoryCommandStore(database), MemoryChargeStore(database), MemoryFeed(database), MemoryOutbox(database), Sent()
    )
    manager, serves, offset = Manager(mesh, []), list[Serve](), 0
    now_us = mesh.world.now_us()
    for side in (in_sql, in_memory):
        side.commands.positions(COMMANDS, {0: 0})
    for _ in range(30):
        now_us += rng.choice((1, 60, 600)) * US_PER_SECOND
        records = [
            Record(
                COMMANDS, 0, offset + place, now_us, b"c", rng.choice((b"{", json.dumps(manager.command()).encode()))
            )
            for place in range(rng.randint(1, 3))
        ]
        serves += [_serve(campaign, now_us, rng) for campaign in database.table("ads").values() if rng.random() < 0.5]
        claims = [
            Claim(decode_terms(encode_serve(rng.choice(serves))), rng.choice(list(Action)))
            for _ in range(min(len(serves), 4))
        ]
        done = []
        for side in (in_sql, in_memory):
            applied = apply_batch(side.commands, records, offset, now_us, RULES)
            charged = charge_batch(side.charges, claims, lambda at=now_us: at, _CHARGE_RULES)  # type: ignore[misc]
            filled = refill_slots(side.commands, GRID, now_us, 2)
            swept = Relay(side.outbox, side.sent).sweep() if offset % 2 else 0  # type: ignore[arg-type]
            done.append((applied, charged, filled, swept))
        assert done[0] == done[1]
        offset += len(records)

    assert in_sql.sent.messages == in_memory.sent.messages
    campaigns = in_sql.commands.campaigns(CampaignFilter(), "", 100)
    assert campaigns == in_memory.commands.campaigns(CampaignFilter(), "", 100)
    assert in_sql.feed.changes(Cursor(3), 4) == in_memory.feed.changes(Cursor(3), 4)
    assert in_sql.feed.newest() == in_memory.feed.newest()
    with in_sql.outbox.own() as rows, in_memory.outbox.own() as others:
        assert [row[1:] for row in map(astuple, rows.rows(100))] == [row[1:] for row in map(astuple, others.rows(100))]
    with reading(engine) as connection:
        entries = {(row.request_id, row.action): _entry(row) for row in connection.execute(select(ledger))}
        outcomes = [(row.topic_offset, row.outcome) for row in connection.execute(select(commands))]
    kept: dict[Any, LedgerRow] = database.table("ledger")
    assert entries == {key: (*row[2:4], row.entry.charged_nanos, row.event) for key, row in kept.items()}
    assert sorted(outcomes) == [(row.offset, row.outcome) for row in database.table("commands").values()]
    assert len(entries) > 10


def _entry(row: Any) -> tuple[Any, ...]:
    return row.campaign_id, row.event_seq, row.charged_nanos, row.event


def _serve(campaign: Any, now_us: int, rng: random.Random) -> Serve:
    return Serve(
        request_id=str(uuid.UUID(int=rng.getrandbits(128))),
        served_at_us=now_us,
        viewer=Viewer(),
        winner=Winner.of(campaign),
        auction_cpm_nanos=1,
        auction_cpc_nanos=campaign.cpc_nanos,
        auction_cpa_nanos=campaign.cpa_nanos,
    )
