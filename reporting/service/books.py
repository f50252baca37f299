"""The bill, the reports and the reconciliation, made from the archive's files and the campaigns of this moment."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
from sqlalchemy import Engine, select

from marketplace.bids import bid_key, cpm_nanos
from marketplace.errors import FailedPrecondition
from marketplace.ports import Log
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.archive.open import Archive
from marketplace.runtime.archive.schema import ADS, MONEY
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading
from reporting.period import Period
from reporting.queries import By
from reporting.reach import Reach, read_reach
from reporting.reconcile_cli import reconcile
from reporting.service.fresh import Fresh
from reporting.service.held import Coming, Held, read_coming, read_held
from reporting.statement import Statement, make_statement
from reporting.summary import ReconciliationSummary

MADE_ANEW: Final = "this bill has been made anew meanwhile: begin at its first page again"
_FRESH_S: Final = 3.0
_STALE_S: Final = 30.0
_AGED_S: Final = 300.0
_STATEMENTS: Final = 4  # one of 100,000 campaigns takes some 60 MB
_NAMED: Final = 6
_ROWS_AT_A_TIME: Final = 5_000
_COLUMNS: Final = ("campaign_id", "account", "category", "status", "target_device", "event_seq")
_AMOUNTS: Final = {"budget": "budget_nanos", "spent": "spent_nanos", "cpc": "cpc_nanos", "cpa": "cpa_nanos"}


@dataclass(frozen=True, slots=True)
class Key:
    """What a statement is made for."""

    period: Period
    by: By


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement under a name, so that its pages belong together.

    `reach` is how far its bill counts, by campaign; `coming` is what the period was charged beyond that.
    """

    name: str
    statement: Statement
    reach: Mapping[str, Reach]
    coming: Sequence[Coming]


class Books:
    """Statements by period, and the reconciliation; each some seconds old at most."""

    def __init__(self, engine: Engine, topics: Log, archive: Archive, catalog: DuckDbCatalog, currency: str) -> None:
        """`archive` is compared with the ledger; `catalog` is a session of its own for statements."""
        self._engine = engine
        self._topics = topics
        self._archive = archive
        self._catalog = catalog
        self._currency = currency
        self._named: OrderedDict[str, Kept] = OrderedDict()
        self._naming = threading.Lock()
        self._statements: Fresh[Key, Kept] = Fresh(self._make, fresh_s=_FRESH_S, stale_s=_STALE_S, capacity=_STATEMENTS)
        self._reconciled: Fresh[None, tuple[datetime, ReconciliationSummary]] = Fresh(
            self._reconcile, fresh_s=_FRESH_S * 2, stale_s=_AGED_S
        )
        # of one bill the ledger says the same for ever, but for what is on its way
        self._held: Fresh[str, tuple[datetime, Mapping[str, Held]]] = Fresh(
            self._hold, fresh_s=_STALE_S, stale_s=_AGED_S, capacity=_STATEMENTS
        )

    def statement(self, period: Period, by: By, timeout_s: float) -> Kept:
        """Returns the newest statement. Raises Unavailable."""
        return self._statements.get(Key(period, by), timeout_s)

    def named(self, name: str) -> Kept | None:
        """Returns a statement that was answered a while ago, if it is still there."""
        with self._naming:
            return self._named.get(name)

    def reconciliation(self, timeout_s: float) -> tuple[datetime, ReconciliationSummary]:
        """Returns the newest comparison and when it was made. Raises Unavailable."""
        return self._reconciled.get(None, timeout_s)

    def held(self, name: str, timeout_s: float) -> tuple[datetime, Mapping[str, Held]]:
        """Returns what the ledger holds as far as a named bill reaches, and when it was read.

        Raises Unavailable; FailedPrecondition where the bill is not there any more.
        """
        return self._held.get(name, timeout_s)

    def _make(self, key: Key) -> Kept:
        self._catalog.create_tables()
        self._catalog.put("ads", campaigns_table(self._engine))
        now = datetime.now(UTC)
        statement = make_statement(self._catalog, key.period, currency=self._currency, made_at=now, by=key.by)
        reach = read_reach(self._catalog, key.period)
        kept = Kept(uuid4().hex[:16], statement, reach, read_coming(self._engine, reach, key.period))
        with self._naming:
            self._named[kept.name] = kept
            while len(self._named) > _NAMED:
                self._named.popitem(last=False)
        return kept

    def _hold(self, name: str) -> tuple[datetime, Mapping[str, Held]]:
        kept = self.named(name)
        if kept is None:
            raise FailedPrecondition(MADE_ANEW)
        now = datetime.now(UTC)
        return now, read_held(self._engine, kept.reach, kept.statement.period)

    def _reconcile(self, _: None) -> tuple[datetime, ReconciliationSummary]:
        return datetime.now(UTC), reconcile(self._engine, self._topics, self._archive)


def campaigns_table(engine: Engine) -> pa.Table:
    """Reads all campaigns, as of one moment, in the columns of the archive's `ads`. Raises Unavailable."""
    rows = list(_rows(engine))
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
    columns |= {name: _money([getattr(row, source) for row in rows]) for name, source in _AMOUNTS.items()}
    columns["cpm"] = _money([cpm_nanos(bid_key(row.cpc_nanos, row.cpa_nanos)) for row in rows])
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in ADS}, schema=ADS)


def _rows(engine: Engine) -> Iterator[Any]:
    statement = select(*(ads.c[name] for name in (*_COLUMNS, *_AMOUNTS.values())))
    with reading(engine) as connection:  # one statement: one moment
        yield from connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement)


def _money(nanos: list[int]) -> "pa.Array[Any]":
    return pa.array(nanos, pa.int64()).cast(pa.decimal128(20, 0)).view(MONEY)
