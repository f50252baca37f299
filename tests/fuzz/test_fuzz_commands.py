"""Whatever is on the command topic: applied, or rejected with a reason, in rows that the store can keep."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from applying import Store
from case_numbers import bytes_found, seeded
from hostile_json import command, written
from installation import CAMPAIGNS, NOW_US

from admanager.apply import apply_batch
from admanager.lifecycle import Outcome, Rules
from marketplace.campaign import Window
from marketplace.clock import US_PER_SECOND
from marketplace.ports import COMMANDS, Record
from marketplace.slots import SlotGrid

ZONES: Final = [ZoneInfo(name) for name in ("UTC", "Asia/Kolkata", "America/Los_Angeles", "Pacific/Apia")]
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_ENDLESS: Final = Window(*(int(moment.timestamp()) * US_PER_SECOND for moment in (_FIRST, _LAST)))
STORED: Final = {**CAMPAIGNS, "endless": replace(CAMPAIGNS["known"], campaign_id="endless", window=_ENDLESS)}
KEYS: Final = (b"key", b"", None, b"\xff" * 300)


def check(values: list[bytes], zone: ZoneInfo = ZONES[0]) -> None:
    """Applies messages; fails where one is neither applied nor rejected with a reason."""
    keys = itertools.cycle(KEYS)
    records = [Record(COMMANDS, 0, offset, NOW_US, next(keys), value) for offset, value in enumerate(values)]
    store = Store(dict(STORED))
    outcomes = apply_batch(store, records, 0, NOW_US, Rules(SlotGrid(), zone))  # type: ignore[arg-type]
    kept = [row for table, row in store.rows.taken if table == "commands"]
    rejected = [row for table, row in store.rows.taken if table == "outbox"]
    assert outcomes.total() == len(kept) == len(values)
    assert len(rejected) == outcomes[Outcome.REJECTED] == sum(bool(row["reason"]) for row in kept)
    for row in rejected:
        assert json.loads(row["value"])["reason"]


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_every_message_is_applied_or_rejected_with_a_reason(zone: ZoneInfo) -> None:
    batch: list[bytes] = []
    for rng in seeded(f"commands {zone}", share=0.25 / len(ZONES)):
        batch.append(command(rng, list(STORED)))
        if len(batch) == 8:
            check(batch, zone)
            batch.clear()


@pytest.mark.parametrize("start", [b"[", b'{"text":', b'{"budget":[', b"1", b'"', b"-", b'{"text":"'])
def test_the_deepest_and_the_longest_are_rejected(start: bytes) -> None:
    check([start * (1_000_000 // len(start)), written([("text", json.dumps("x" * 990_000))])])


@bytes_found(share=0.012)
def test_bytes_that_are_no_command_are_rejected(value: bytes) -> None:
    check([value])
