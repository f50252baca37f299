"""The mark of a store that came from a backup and has not learned yet what happened after it.

Such a store would give out event numbers that the archive has already, and the writer would drop those events as
repeated: charged, and never archived. So who charges, and who fills slots, refuses to start on it.
"""

from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from marketplace.runtime.settings import BadSettingError
from marketplace.runtime.store.schema import counters
from marketplace.runtime.store.transactions import reading

_MARK: Final = "restore_pending"
# Above every number that the lost store can have given out, so that ad servers that followed it miss nothing.
_FAR: Final = 1 << 32


def is_pending(connection: Connection) -> bool:
    """Tells whether the store is restored and not complete."""
    return connection.execute(select(counters.c.value).filter_by(name=_MARK)).first() is not None


def mark_pending(connection: Connection) -> None:
    """Marks the store as restored; to be committed by the caller."""
    if not is_pending(connection):
        connection.execute(insert(counters), {"name": _MARK, "value": 1})


def clear_pending(connection: Connection) -> None:
    """Takes the mark away; to be committed by the caller."""
    connection.execute(delete(counters).where(counters.c.name == _MARK))


def pass_lost_numbers(connection: Connection) -> None:
    """Moves the counters beyond what the lost store had reached; to be committed by the caller."""
    numbers = update(counters).where(counters.c.name != _MARK)
    connection.execute(numbers.values(value=counters.c.value + _FAR))


def refuse_pending(engine: Engine) -> None:
    """Raises BadSettingError for a store that is restored and not complete, Unavailable where it does not answer."""
    with reading(engine) as connection:
        if is_pending(connection):
            raise BadSettingError(
                "STORE_URL names a store that was restored from a backup and lacks what the archive knows: start the "
                "ad manager and the writer alone, let them catch up, run `store import-archived`, then start the rest"
            )
