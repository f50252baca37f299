"""Defects of commands, slots and the change feed."""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from defects import defect
from memory_charges import stamp_changes
from memory_commands import MemoryCommandUnit, MemoryRefillUnit
from memory_database import Transaction

from admanager.slot_manager import SlotManager
from adserver.index import Index
from adserver.refresh import Refresher
from marketplace.campaign import Campaign, Status
from marketplace.clock import US_PER_SECOND

_UNIT = "memory_commands.MemoryCommandUnit"
_REFILL = "memory_commands.MemoryRefillUnit"
_lock_position = MemoryCommandUnit.lock_position
_commit = MemoryCommandUnit.commit


class _Anywhere(int):
    """A position that is never another."""

    def __ne__(self, other: object) -> bool:
        return False


@defect("the stored position is not compared", f"{_UNIT}.lock_position")
def _any_position(unit: MemoryCommandUnit) -> int:
    return _Anywhere(_lock_position(unit))


@defect("the position commits before its effects", f"{_UNIT}.commit")
def _position_first(unit: MemoryCommandUnit, next_offset: int) -> None:
    unit.transaction.database.table("positions")[unit._place] = next_offset
    _commit(unit, next_offset)


@defect("a command_id that was seen is applied again", f"{_UNIT}.seen")
def _seen_nothing(unit: MemoryCommandUnit, command_ids: Collection[str]) -> set[str]:
    return set()


@defect("commands are applied to campaigns that are not locked", f"{_UNIT}.lock_campaigns")
def _no_lock(unit: MemoryCommandUnit, campaign_ids: Collection[str]) -> dict[str, Campaign]:
    campaigns = {name: row for name, row in unit.transaction.database.table("ads").items() if name in campaign_ids}
    unit.transaction.statement("read campaigns")
    return campaigns


@defect("a slot is filled again by who comes again", "memory_commands._is_due")
def _always_due(campaign: Campaign, slot_no: int, now_us: int) -> bool:
    return campaign.status is Status.ACTIVE and campaign.slot_no <= slot_no and campaign.window.end_us > now_us


def _write_back(unit: MemoryRefillUnit, campaigns: Sequence[Campaign], reopened: Iterable[str]) -> None:
    unit.transaction.statement("refill")
    for campaign in campaigns:
        unit.transaction.put("ads", campaign.campaign_id, campaign)
    stamp_changes(unit.transaction, list(reopened))
    unit.transaction.commit()


@defect(
    "slots are filled in rows that were read without a lock", f"{_REFILL}.lock_due", {f"{_REFILL}.refill": _write_back}
)
def _due_unlocked(unit: MemoryRefillUnit, slot_no: int, now_us: int, after_id: str, limit: int) -> list[Campaign]:
    rows = sorted(unit.transaction.database.table("ads").items())
    due = (row for name, row in rows if name > after_id and row.status is Status.ACTIVE and row.slot_no < slot_no)
    found = [row for row in due if row.window.end_us > now_us][:limit]
    unit.transaction.statement("read due")
    return found


def _stamp_early(transaction: Transaction, campaign_ids: Collection[str]) -> None:
    if campaign_ids:
        counters = transaction.database.table("counters")
        number = counters["ads"] = counters.get("ads", 0) + 1
        transaction.statement("stamp changes")
        for name in sorted(campaign_ids):
            transaction.put("ads", name, replace(transaction.get("ads", name), change_no=number))


@defect(
    "change numbers do not come in the order of the commits",
    "memory_charges.stamp_changes",
    {"memory_commands.stamp_changes": _stamp_early},
)
def _stamp_early_too(transaction: Transaction, campaign_ids: Collection[str]) -> None:
    _stamp_early(transaction, campaign_ids)


@defect("the ad server asks for its place in the feed after it has loaded", "adserver.refresh.Refresher._load")
def _load(refresher: Refresher) -> None:
    now_us = refresher._clock()
    index = Index.build(refresher._feed.live(now_us), now_us)
    refresher._cursor = refresher._feed.newest()
    refresher._loop.call_soon_threadsafe(refresher._install, index)


@defect("a charge that exhausts a campaign tells nobody", "memory_charges.MemoryChargeUnit.commit")
def _tell_nobody(unit: Any) -> None:
    unit.transaction.commit()


@defect("a slot that was filled once is never looked at again", "admanager.slot_manager.SlotManager.run")
def _once(manager: SlotManager, stop: threading.Event) -> None:
    filled = -1
    while not stop.is_set():
        now = manager._clock()
        slot_no = manager._grid.slot_at(now)
        if slot_no > filled and manager._fill(now):
            filled = slot_no
        until_next_s = (manager._grid.start_of(slot_no + 1) - manager._clock()) / US_PER_SECOND
        stop.wait(min(max(until_next_s, 0), 1.0))
