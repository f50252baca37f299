"""Transactions, and what to do when the database breaks one off."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from marketplace.runtime.store.engine import unavailable, writing

T = TypeVar("T")

_ATTEMPTS: Final = 5
_FIRST_PAUSE_S: Final = 0.02
_CONTENDED_CODES: Final = frozenset({1205, 1213})  # a lock wait that took too long, a deadlock
# Shutdown, killed, gone away, lost during a query, lost, closed while idle.
LOST_CODES: Final = frozenset({1053, 1927, 2006, 2013, 2055, 4031})

log = structlog.get_logger()


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """Opens a transaction that must be committed by `connection.commit()`; leaving without it rolls back."""
    with writing(engine).connect() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Opens a connection to read with. Raises Unavailable where the store does not answer."""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as problem:
        raise unavailable(problem) from problem


def retrying(work: Callable[[], T]) -> T:
    """Runs a whole transaction again when it lost a deadlock or its connection; at most 5 times, then Unavailable.

    Only for work that is safe to repeat though its commit may have happened: positions, the ledger's key and slot
    numbers know what is done.
    """
    pause = _FIRST_PAUSE_S
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return work()
        except DBAPIError as problem:
            if attempt == _ATTEMPTS or not may_retry(problem):
                raise unavailable(problem) from problem
            log.warning("transaction is run again", attempt=attempt, cause=repr(problem.orig)[:200])
        except SQLAlchemyError as problem:
            raise unavailable(problem) from problem
        time.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable")


def may_retry(problem: DBAPIError) -> bool:
    """Tells whether another try may succeed: a deadlock, a lock wait, a lost connection, a busy SQLite file."""
    code = getattr(problem.orig, "errno", None)
    # a connection that is found to be lost in the rollback is not marked as invalidated
    lost = problem.connection_invalidated or code in LOST_CODES
    return lost or code in _CONTENDED_CODES or "database is locked" in str(problem.orig)
