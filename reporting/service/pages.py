"""Pages: their sizes, and tokens that say where the next one begins."""

from collections.abc import Mapping
from typing import TypeVar

from marketplace.errors import InvalidArgument

T = TypeVar("T")


def known(name: str, value: int, meanings: Mapping[int, T]) -> T:
    """Returns what a number of an enum stands for. Raises InvalidArgument."""
    if value not in meanings:
        raise InvalidArgument(f"{value} is not one of its values", name)
    return meanings[value]


def within(name: str, value: int, least: int, most: int) -> int:
    """Returns a number if it is within its limits. Raises InvalidArgument."""
    if not least <= value <= most:
        raise InvalidArgument(f"is not between {least:,} and {most:,}", name)
    return value


def page_size(asked: int, default: int, most: int) -> int:
    """Returns how many items a page holds; 0 asks for the default. Raises InvalidArgument."""
    return within("page_size", asked, 0, most) or default


def number_token(token: str) -> int | None:
    """Reads the token of a page that begins at a number; None: the first page. Raises InvalidArgument."""
    if not token:
        return None
    if not token.isascii() or not token.isdecimal() or len(token) > 18:
        raise InvalidArgument("is not the token of a page before", "page_token")
    return int(token)


def named_token(token: str) -> tuple[str, int]:
    """Reads a token of the form `name-number`; an empty name and 0: the first page. Raises InvalidArgument."""
    name, _, number = token.partition("-")
    start = number_token(number)
    if token and (start is None or not name):
        raise InvalidArgument("is not the token of a page before", "page_token")
    return name, start or 0
