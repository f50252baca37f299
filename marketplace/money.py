"""Money: integer nanos (1e-9) of the account currency, never a float."""

from decimal import Decimal, InvalidOperation
from typing import Final

NANOS_PER_UNIT: Final = 1_000_000_000
MAX_BUDGET_NANOS: Final = 9_000_000_000 * NANOS_PER_UNIT
MAX_PRICE_NANOS: Final = 1_000_000 * NANOS_PER_UNIT

_DECIMALS: Final = 9
_MAX_DIGITS: Final = 40


def parse_nanos(value: object, maximum_nanos: int = MAX_BUDGET_NANOS) -> int:
    """Reads an amount in units of the currency, such as `"0.00066"`, as nanos.

    Takes int, Decimal and str; a float is refused because it has already lost the exact amount.
    Raises ValueError with a sentence for people: not a number, more than 9 decimals, negative, too large.
    """
    amount = _decimal(value)
    if not amount.is_finite():
        raise ValueError(f"{value!s:.40} is not a finite amount")
    if amount < 0:
        raise ValueError(f"{value!s:.40} is negative")
    if amount > maximum_nanos // NANOS_PER_UNIT:
        raise ValueError(f"{value!s:.40} is above {maximum_nanos // NANOS_PER_UNIT}")
    digits = amount.as_tuple()
    exponent = digits.exponent
    assert isinstance(exponent, int)  # finite, so never 'n', 'N' or 'F'
    if exponent < -_DECIMALS and any(digits.digits[exponent + _DECIMALS :]):
        raise ValueError(f"{value!s:.40} has more than {_DECIMALS} decimals")
    return int(amount.scaleb(_DECIMALS))


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError(f"{value!r:.40} is not an amount")
    if isinstance(value, str) and len(value) > _MAX_DIGITS:
        raise ValueError(f"{value!r:.40} is too long for an amount")  # quoted: it may hold what no column can
    try:
        amount = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise ValueError(f"{value!r:.40} is not an amount") from None
    if amount.is_finite() and (abs(amount.adjusted()) > _MAX_DIGITS or len(amount.as_tuple().digits) > _MAX_DIGITS):
        if amount == 0:
            return Decimal(0)
        raise ValueError(f"{value!s:.40} is out of range")
    return amount


def to_decimal(nanos: int) -> Decimal:
    """Returns the amount in units of the currency, with all nine decimals."""
    return Decimal(nanos).scaleb(-_DECIMALS)


def format_nanos(nanos: int, decimals: int = _DECIMALS) -> str:
    """Writes an amount for people, such as `1,234.000500000`; fewer decimals round half to even."""
    return f"{to_decimal(nanos):,.{decimals}f}"
