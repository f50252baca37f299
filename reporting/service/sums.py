"""Sums of money in SQL that may be more than SQLite's 64 bits hold: units, and the nanos beside them, apart."""

from sqlalchemy import ColumnElement, case, func

from marketplace.money import NANOS_PER_UNIT


def sum_parts(nanos: ColumnElement[int], condition: ColumnElement[bool]) -> list[ColumnElement[int]]:
    """Returns two sums over the rows that fulfil a condition."""
    rest = nanos % NANOS_PER_UNIT
    return [func.sum(case((condition, value), else_=0)) for value in ((nanos - rest) // NANOS_PER_UNIT, rest)]


def whole(units: object, rest: object) -> int:
    """Returns the nanos that two sums stand for; sums over no rows are None."""
    return int(str(units or 0).partition(".")[0]) * NANOS_PER_UNIT + int(str(rest or 0).partition(".")[0])
