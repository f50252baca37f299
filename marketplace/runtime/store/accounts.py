"""Whose a row is."""

from sqlalchemy import Column, ColumnElement, Engine, LargeBinary, cast


def belongs_to(engine: Engine, column: Column[str], account: str) -> list[ColumnElement[bool]]:
    """Returns conditions that a column holds an account's name, byte by byte.

    MySQL alone takes names for equal that differ in case, accents or space at their end: one account would see the
    rows of another. Its own comparison is there too, because it can use an index.
    """
    same = column == account
    return [same] if engine.dialect.name == "sqlite" else [same, cast(column, LargeBinary) == account.encode()]
