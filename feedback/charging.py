"""What a feedback costs. Pure: the campaign's account and the receipt's history go in, the charge comes out.

    price(view) = 0, price(click) = auction_cpc, price(acquisition) = auction_cpa
    due = max(0, price(action) - highest price so far on this receipt)
    charged = min(due, leftover), uncharged = due - charged

So the sum of charged + uncharged of a receipt is the highest price among its actions, whatever their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.campaign import Status, Window
from marketplace.feedback import Action, ChargedAction
from marketplace.serve import Terms
from marketplace.slots import SlotGrid, current_slot, slot_share_nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The part of a campaign that a charge reads and writes. Money in nanos."""

    campaign_id: str
    status: Status
    window: Window
    budget_nanos: int
    spent_nanos: int
    slot_no: int
    slot_budget_nanos: int
    event_seq: int

    @property
    def leftover_nanos(self) -> int:
        """Returns what is left of the budget, never below 0."""
        return max(0, self.budget_nanos - self.spent_nanos)

    @property
    def eligible(self) -> bool:
        """Tells whether status, budget and slot let the campaign take part in auctions."""
        return self.status is Status.ACTIVE and self.leftover_nanos > 0 and self.slot_budget_nanos > 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger holds of one action on one receipt."""

    action: Action
    price_nanos: int
    charged_nanos: int
    uncharged_nanos: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A first feedback's effect: the account after it, the ledger's entry, the event; and the serve that it is on."""

    account: Account
    entry: Entry
    event: ChargedAction
    terms: Terms


def price_nanos(terms: Terms, action: Action) -> int:
    """Returns what the action costs on this serve."""
    match action:
        case Action.VIEW:
            return 0
        case Action.CLICK:
            return terms.auction_cpc_nanos
        case Action.ACQUISITION:
            return terms.auction_cpa_nanos


def first_answer(history: Sequence[Entry], action: Action) -> Entry | None:
    """Returns the entry that this action has on the receipt already; then the feedback is a repeat."""
    return next((entry for entry in history if entry.action is action), None)


def charge(
    account: Account, history: Sequence[Entry], terms: Terms, action: Action, now_us: int, grid: SlotGrid
) -> Charge:
    """Charges the first feedback of this action on this receipt.

    An action implies those below it: an acquisition a click and a view, a click a view. So an event makes true what
    lies above the highest action so far, up to its own.
    """
    price, highest_price, highest = price_nanos(terms, action), 0, 0
    for entry in history:
        highest_price, highest = max(highest_price, entry.price_nanos), max(highest, entry.action)
    due = max(0, price - highest_price)
    charged = min(due, account.leftover_nanos)
    after = _debited(account, charged, now_us, grid)
    event = ChargedAction(
        event_seq=after.event_seq,
        action=action,
        view=int(highest < Action.VIEW <= action),
        click=int(highest < Action.CLICK <= action),
        acquisition=int(highest < Action.ACQUISITION <= action),
        charged_nanos=charged,
        uncharged_nanos=due - charged,
        charged_at_us=now_us,
    )
    return Charge(after, Entry(action, price, charged, due - charged), event, terms)


def _debited(account: Account, charged_nanos: int, now_us: int, grid: SlotGrid) -> Account:
    """Returns the account after the charge; opens the slot of `now` if the slot manager has not come by yet."""
    slot_no, slot_budget_nanos = account.slot_no, account.slot_budget_nanos
    now_no = current_slot(grid, account.window, now_us)
    if now_no > slot_no:  # the charge counts in its own slot
        slot_budget_nanos = slot_share_nanos(grid, account.window, account.leftover_nanos, now_no)
        slot_no = now_no
    spent_nanos = account.spent_nanos + charged_nanos
    exhausted = account.status is Status.ACTIVE and spent_nanos >= account.budget_nanos
    return Account(
        campaign_id=account.campaign_id,
        status=Status.EXHAUSTED if exhausted else account.status,
        window=account.window,
        budget_nanos=account.budget_nanos,
        spent_nanos=spent_nanos,
        slot_no=slot_no,
        slot_budget_nanos=max(0, slot_budget_nanos - charged_nanos),
        event_seq=account.event_seq + 1,
    )
