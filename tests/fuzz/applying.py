"""The consumer's own path for commands, down to the rows that the store would be given."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger, String, Table, Text

from admanager.store import SqlCommandUnit
from marketplace.campaign import Campaign
from marketplace.runtime.store.literals import listed
from marketplace.runtime.store.schema import metadata

_LIMITS: Final = ((SmallInteger, 2**15), (BigInteger, 2**63), (Integer, 2**31))
_TEXT_BYTES: Final = 2**24 - 1
_INSERT: Final = re.compile(r"INSERT INTO (\w+) \((\w+(?:, \w+)*)\) VALUES \(\?(?:,\?)*\)")
_UPDATE: Final = re.compile(r"UPDATE (\w+) SET (.* WHERE \w+ = \?)")


class Rows:
    """A connection that takes rows as the database would: those that do not fit their columns are an error."""

    dialect = SimpleNamespace(name="sqlite")

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []

    def execute(self, statement: Any, rows: object = None) -> Any:
        """Runs one of the few statements that carry nothing of a message."""
        return SimpleNamespace(scalar_one=lambda: 1)

    def exec_driver_sql(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Takes rows of a statement as `store.rows` makes it."""
        name, columns = _named(statement)
        table = metadata.tables[name]
        for values in rows:
            row = dict(zip(columns, values, strict=True))
            for column, value in row.items():
                fit(table, column, value)
            listed(values)  # as a MySQL-protocol server is sent them
            self.taken.append((name, row))

    def commit(self) -> None:
        pass


class Unit(SqlCommandUnit):
    """The ad manager's transaction with the campaigns that it reads given, and its statements checked."""

    def __init__(self, campaigns: dict[str, Campaign], rows: Any) -> None:
        super().__init__(rows, "campaign-commands", 0)
        self._campaigns = campaigns

    def lock_position(self) -> int:
        return 0

    def seen(self, command_ids: Collection[str]) -> set[str]:
        return {"seen"} & set(command_ids)

    def lock_campaigns(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        return {name: self._campaigns[name] for name in sorted(campaign_ids) if name in self._campaigns}


class Store:
    """Opens such transactions."""

    def __init__(self, campaigns: dict[str, Campaign]) -> None:
        self.rows = Rows()
        self._campaigns = campaigns

    @contextmanager
    def applying(self, topic: str, partition: int) -> Iterator[Unit]:
        yield Unit(self._campaigns, self.rows)


def _named(statement: str) -> tuple[str, list[str]]:
    """Returns the table of a statement, and the columns that its values are for."""
    if found := _INSERT.fullmatch(statement):
        return found[1], found[2].split(", ")
    found = _UPDATE.fullmatch(statement)
    assert found, statement
    return found[1], re.findall(r"(\w+) = \?", found[2])


def fit(table: Table, name: str, value: Any) -> None:
    """Raises AssertionError where a column could not keep the value."""
    column, what = table.c[name], f"{table.name}.{name} cannot keep {value!r:.80}"
    if value is None:
        assert column.nullable, what
        return
    kind = column.type
    for integers, limit in _LIMITS:
        if isinstance(kind, integers):
            assert isinstance(value, int) and -limit <= value < limit, what
            return
    if isinstance(kind, LargeBinary):
        assert isinstance(value, bytes) and len(value) <= (kind.length or _TEXT_BYTES), what
        return
    assert isinstance(kind, String | Text) and isinstance(value, str), what
    assert len(value) <= (kind.length or _TEXT_BYTES), what
    try:
        value.encode()
    except UnicodeEncodeError:
        raise AssertionError(what) from None
