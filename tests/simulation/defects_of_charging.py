"""Defects of charging and relaying."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from defects import defect
from memory_charges import LedgerRow, MemoryChargeUnit, account_of
from sqlalchemy.exc import OperationalError

from feedback.charger import charge_batch
from feedback.charging import Account, Charge, Entry, charge
from feedback.queue import ChargeQueue, _answer
from feedback.relay import BATCH, Relay
from marketplace.receipt import UnknownKey
from marketplace.runtime.store.outbox import OutboxRow

_UNIT = "memory_charges.MemoryChargeUnit"
_lock_accounts = MemoryChargeUnit.lock_accounts
_commit = MemoryChargeUnit.commit


def _without_a_key(unit: MemoryChargeUnit, row: LedgerRow) -> None:
    unit.transaction.insert("ledger", (row.request_id, row.action, row.event_seq), row)


_KEYLESS = {f"{_UNIT}.insert_ledger": _without_a_key}


@defect("a repeat is not known, and the ledger has no key", "feedback.charger.first_answer", _KEYLESS)
def _never_first(history: Sequence[Entry], action: Any) -> None:
    return None


def _histories_of_before(unit: Any, request_ids: Collection[str]) -> dict[str, list[Entry]]:
    unit.transaction.statement("read histories")
    found: dict[str, list[Entry]] = {}
    for row in unit.early:
        if row.request_id in request_ids:
            found.setdefault(row.request_id, []).append(row.entry)
    return found


@defect(
    "the ledger is read before the lock, and has no key",
    f"{_UNIT}.lock_accounts",
    {f"{_UNIT}.histories": _histories_of_before} | _KEYLESS,
)
def _read_too_early(unit: Any, campaign_ids: Collection[str]) -> dict[str, Account]:
    unit.early = list(unit.transaction.database.table("ledger").values())
    return _lock_accounts(unit, campaign_ids)


@defect("the cap is read outside the lock", f"{_UNIT}.lock_accounts")
def _stale_cap(unit: MemoryChargeUnit, campaign_ids: Collection[str]) -> dict[str, Account]:
    before = {name: row for name, row in unit.transaction.database.table("ads").items() if name in campaign_ids}
    return {
        name: replace(account_of(before[name]), event_seq=account.event_seq) if name in before else account
        for name, account in _lock_accounts(unit, campaign_ids).items()
    }


@defect("the answer comes before the commit", "feedback.queue.ChargeQueue._charge_some")
def _answer_first(queue: ChargeQueue) -> None:
    batch = [queue._waiting.popleft() for _ in range(min(queue._batch_size, len(queue._waiting)))]
    claims, futures = [claim for claim, _ in batch], [future for _, future in batch]
    with suppress(OperationalError), queue._store.charging() as unit:
        names = ("lock_accounts", "histories", "record", "save")
        held = SimpleNamespace(commit=lambda: None, **{name: getattr(unit, name) for name in names})
        store: Any = SimpleNamespace(charging=lambda: nullcontext(held))
        verdicts = charge_batch(store, claims, queue._clock, queue._rules)
        futures[0].get_loop().call_soon_threadsafe(_answer, futures, verdicts)
        unit.commit()


@defect("a lost commit is taken for done", f"{_UNIT}.commit")
def _careless_commit(unit: MemoryChargeUnit) -> None:
    with suppress(OperationalError):
        _commit(unit)


@defect("the whole price is charged, whatever is left", "feedback.charging.min")
def _uncapped(due: int, leftover: int) -> int:
    return due


@defect("what the receipt was charged before does not count", "feedback.charger.charge")
def _forgetful(account: Account, history: Sequence[Entry], *rest: Any) -> Charge:
    return charge(account, [replace(entry, price_nanos=0) for entry in history], *rest)


@defect("the relay deletes rows before the topic has them", "feedback.relay.Relay.sweep")
def _delete_first(relay: Relay) -> int:
    with relay._outbox.own() as owned:
        rows = owned.rows(BATCH) if owned.shards else []
        if rows:
            owned.delete([row.id for row in rows])
            relay._send(rows)
        return len(rows)


@defect("the relay sends a campaign's rows in any order", "feedback.relay._order")
def _by_value(row: OutboxRow) -> tuple[str, bytes]:
    return row.topic, row.value[::-1]


@defect("the relay reads on from where it was", "feedback.relay.Relay.sweep")
def _behind_a_cursor(relay: Any) -> int:
    cursor = getattr(relay, "cursor", 0)
    with relay._outbox.own() as owned:
        rows = [row for row in owned.rows(BATCH) if row.id > cursor] if owned.shards else []
        if rows:
            relay._send(rows)
            owned.delete([row.id for row in rows])
            relay.cursor = max(row.id for row in rows)
        return len(rows)


@defect("a clock that was set back keeps new receipt keys out", "feedback.receipts.ReceiptReader._open")
def _by_the_clock(reader: Any, receipt: bytes) -> bytes:
    try:
        opened: bytes = reader._ring.open(receipt)
    except UnknownKey:
        now = reader._clock()
        if now - reader._reloaded_us < 1_000_000:
            raise
        reader._reloaded_us, reader._ring = now, reader._load()
        opened = reader._ring.open(receipt)
    return opened
