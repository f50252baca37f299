"""The steps of migrations, each to be taken as often as needed.

A MySQL server commits every statement that changes the schema by itself. A process that is killed between two leaves a
version half made; the next one goes on with it. So rows are put in last: they commit with the version's number.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

MYSQL: Final = ("mysql", "mariadb")
ID: Final = sa.String(64).with_variant(mysql.VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin"), *MYSQL)

_INNODB: Final[dict[str, Any]] = {
    f"{dialect}_{option}": value
    for dialect in MYSQL
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def create_table(name: str, *parts: Any) -> None:
    """Creates a table of columns and constraints, unless it is there."""
    op.create_table(name, *parts, if_not_exists=True, **_INNODB)


def create_index(name: str, table: str, columns: list[str]) -> None:
    """Creates an index, unless it is there."""
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def create_view(name: str, select: str) -> None:
    """Creates a view, in place of one of that name."""
    op.execute(f"DROP VIEW IF EXISTS {name}")
    op.execute(f"CREATE VIEW {name} AS {select}")


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Adds a column, unless it is there."""
    if column.name not in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)
