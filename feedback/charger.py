"""The charging transaction, on whatever feedback has queued up.

1 lock the batch's campaigns in id order; 2 only then read the ledger rows of its request ids; 3 decide each in arrival
order, re-checking expiry; 4 insert ledger and outbox rows, update the campaigns; 5 commit; 6 answer. A connection lost
at 5: 1 to 6 again, the ledger knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from feedback.charging import Account, Charge, Entry, charge, first_answer
from feedback.ports import ChargeStore
from marketplace.clock import Clock
from marketplace.errors import PlatformError, ReceiptExpired, Unavailable
from marketplace.feedback import Action
from marketplace.serve import Terms
from marketplace.slots import SlotGrid


@dataclass(frozen=True, slots=True)
class Claim:
    """A feedback whose receipt was opened: this action on this serve."""

    terms: Terms
    action: Action


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client is told, and what was due beyond the campaign's budget."""

    request_id: str
    repeat: bool
    charged_nanos: int
    uncharged_nanos: int = 0


Verdict = Answer | PlatformError


@dataclass(frozen=True, slots=True)
class ChargeRules:
    """What the decisions depend on besides account and history."""

    grid: SlotGrid
    receipt_life_us: int


def charge_batch(store: ChargeStore, claims: Sequence[Claim], clock: Clock, rules: ChargeRules) -> list[Verdict]:
    """Charges a batch in one transaction; returns a verdict for each claim in order. One bad claim fails alone."""
    with store.charging() as unit:
        accounts = unit.lock_accounts({claim.terms.campaign_id for claim in claims})  # 1
        histories = unit.histories({claim.terms.request_id for claim in claims})  # 2
        batch = _Batch(accounts, histories, clock(), rules)
        verdicts = [batch.decide(claim) for claim in claims]  # 3
        if batch.charges:
            unit.record(batch.charges)  # 4
            changed = batch.changed()
            flipped = [new.campaign_id for new in changed if new.eligible != accounts[new.campaign_id].eligible]
            unit.save(changed, flipped)
            unit.commit()  # 5
        return verdicts  # 6


class _Batch:
    """The batch's own view: accounts and histories as they grow while its claims are decided."""

    def __init__(
        self, accounts: dict[str, Account], histories: dict[str, list[Entry]], now_us: int, rules: ChargeRules
    ) -> None:
        self._before = accounts
        self._accounts = dict(accounts)
        self._histories = histories
        self._now_us = now_us
        self._rules = rules
        self.charges: list[Charge] = []

    def decide(self, claim: Claim) -> Verdict:
        terms = claim.terms
        history = self._histories.setdefault(terms.request_id, [])
        if first := first_answer(history, claim.action):
            return Answer(terms.request_id, repeat=True, charged_nanos=first.charged_nanos)
        if self._now_us > terms.served_at_us + self._rules.receipt_life_us:
            return ReceiptExpired()
        account = self._accounts.get(terms.campaign_id)
        if account is None:
            return Unavailable("the campaign is not known to this store")
        done = charge(account, history, terms, claim.action, self._now_us, self._rules.grid)
        self._accounts[account.campaign_id] = done.account
        history.append(done.entry)
        self.charges.append(done)
        return Answer(terms.request_id, False, done.entry.charged_nanos, done.entry.uncharged_nanos)

    def changed(self) -> list[Account]:
        return [new for name, new in self._accounts.items() if new is not self._before[name]]
