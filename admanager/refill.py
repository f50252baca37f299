"""Fills the slots: every active campaign gets its share of what is left, once per slot."""

from dataclasses import replace

from admanager.ports import CommandStore
from marketplace.campaign import Campaign
from marketplace.slots import SlotGrid, slot_share_nanos


def refilled(campaign: Campaign, grid: SlotGrid, slot_no: int) -> Campaign:
    """Returns the campaign with slot `slot_no` filled."""
    share = slot_share_nanos(grid, campaign.window, campaign.leftover_nanos, slot_no)
    return replace(campaign, slot_no=slot_no, slot_budget_nanos=share)


def refill_slots(store: CommandStore, grid: SlotGrid, now_us: int, batch_size: int) -> int:
    """Fills slot `now` of all campaigns that do not have it yet, in id-ordered batches; returns how many.

    Safe to repeat and to restart in the middle: a campaign's slot number says that it is filled, and it is read under
    the row's lock.
    """
    slot_no = grid.slot_at(now_us)
    after_id, count = "", 0
    while True:
        with store.refilling() as unit:
            due = unit.lock_due(slot_no, now_us, after_id, batch_size)
            if not due:
                return count
            filled = [refilled(campaign, grid, slot_no) for campaign in due]
            reopened = [
                new.campaign_id
                for old, new in zip(due, filled, strict=True)
                if not old.slot_budget_nanos and new.slot_budget_nanos
            ]
            unit.refill(filled, reopened)
        after_id, count = due[-1].campaign_id, count + len(due)
