"""What imported charges make of a campaign. Pure: the row as restored goes in, what to store comes out.

As if each event had been charged again in order: it debits budget and slot, opens its own slot where nobody has, and
exhausts the campaign whose budget it takes to the end.
"""

from collections.abc import Iterable
from dataclasses import replace

from marketplace.campaign import Campaign, Status
from marketplace.slots import SlotGrid, slot_share_nanos

Charge = tuple[int, int]  # when, in microseconds since the epoch; how many nanos


def charged_again(campaign: Campaign, charges: Iterable[Charge], grid: SlotGrid) -> Campaign:
    """Returns the campaign after the charges of its next events, given in the order of event_seq."""
    for charged_at_us, charged_nanos in charges:
        campaign = _in_slot(campaign, grid.slot_at(charged_at_us), grid)
        spent = campaign.spent_nanos + charged_nanos
        exhausted = campaign.status is Status.ACTIVE and spent >= campaign.budget_nanos
        campaign = replace(
            campaign,
            spent_nanos=spent,
            slot_budget_nanos=max(0, campaign.slot_budget_nanos - charged_nanos)
            if grid.slot_at(charged_at_us) == campaign.slot_no
            else campaign.slot_budget_nanos,
            status=Status.EXHAUSTED if exhausted else campaign.status,
            event_seq=campaign.event_seq + 1,
        )
    return campaign


def _in_slot(campaign: Campaign, slot_no: int, grid: SlotGrid) -> Campaign:
    if slot_no <= campaign.slot_no:
        return campaign
    share = slot_share_nanos(grid, campaign.window, campaign.leftover_nanos, slot_no)
    return replace(campaign, slot_no=slot_no, slot_budget_nanos=share)
