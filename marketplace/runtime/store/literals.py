"""Values in the text of a statement, for statements over many rows: a batch of charges is a few of them.

Compiling such statements anew for each batch, and having the driver put thousands of parameters into them one by one,
took 50 of the 95 us of CPU that a charge cost. So on a MySQL-protocol server values stand in the statement: integers
as digits, texts and bytes in hexadecimal, which no quoting and no mode of the server can read in another way. On
SQLite, where parameters cost little, they are parameters.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, CursorResult

Value: TypeAlias = int | str | bytes | None

# Half of what a MariaDB takes as one statement by default.
_STATEMENT_BYTES: Final = 8_000_000


def takes_parameters(connection: Connection) -> bool:
    """Tells whether values go to this database as parameters, each marked by `?`."""
    return connection.dialect.name == "sqlite"


def marks(count: int) -> str:
    """Returns as many marks, with commas between."""
    return ",".join(["?"] * count)


def listed(values: Collection[Value]) -> str:
    """Returns the values as literals, with commas between."""
    return ",".join([str(value) if type(value) is int else _literal(value) for value in values])


def run_with_list(connection: Connection, statement: str, values: Collection[int | str]) -> CursorResult[Any]:
    """Runs a statement of our own with the values, at least one, in the place of its `{}`."""
    if takes_parameters(connection):
        return connection.exec_driver_sql(statement.format(f"({marks(len(values))})"), tuple(values))
    return connection.exec_driver_sql(statement.format(f"({listed(values)})"))


def portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cuts texts, at least one, into as many as one statement may hold."""
    start, size = 0, 0
    for end, text in enumerate(texts):
        if end > start and size + len(text) > _STATEMENT_BYTES:
            yield texts[start:end]
            start, size = end, 0
        size += len(text)
    yield texts[start:]


def _literal(value: Value) -> str:
    match value:
        case str():
            return f"_utf8mb4 x'{value.encode().hex()}'"
        case bytes():
            return f"x'{value.hex()}'"
        case None:
            return "NULL"
    raise TypeError(f"no literal for a {type(value).__name__}")
