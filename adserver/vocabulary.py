"""The values that campaigns name in their targeting, as numbers, and which of them a request asks for.

Every distinct targeting has a code, and in a table a column under it: for each dimension the lowest and the highest
value that it lets in. A value that no campaign names is 0, which only `All` (0 to the largest) lets in. So comparing
two rows tells, for any number of targetings at once, which of them a value gets through.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from adserver.bitsets import packed
from adserver.request import Request
from marketplace.campaign import ALL, Targeting

Codes = npt.NDArray[np.int64]
Bounds = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]

AGES: Final = 128
"""Ages from here on are taken as not known."""

_NOT_KNOWN: Final = -1
_LARGEST: Final = np.iinfo(np.int32).max
_ROWS: Final = 14
_AGE, _GENDER, _INCOME, _CITY, _STATE, _COUNTRY, _DEVICE = range(0, _ROWS, 2)
_KINDS: Final = 1 << 14
_MAX_GROUPS: Final = 4_096
_MAX_SPELLING_LENGTH: Final = 256


class Term(NamedTuple):
    """One value of one dimension: the dimension's first row in the table, and the value."""

    row: int
    value: int


class Group:
    """Terms that are asked for together: those of a user, or those of a place and device.

    An object of its own so that looking up what it reaches costs no hashing of text.
    """

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[Term, ...]) -> None:
        self.terms = terms


class _Groups(dict[Any, Group]):
    """Maps what requests say to groups, equal groups being one object. Remembers both up to a bound."""

    def __init__(self, terms: Callable[..., tuple[Term, ...]]) -> None:
        super().__init__()
        self._terms = terms
        self._known: dict[tuple[Term, ...], Group] = {}

    def __missing__(self, said: tuple[Hashable, ...]) -> Group:
        terms = self._terms(*said)
        if len(self) >= _MAX_GROUPS or len(self._known) >= _MAX_GROUPS:
            self.clear()
            self._known.clear()
        group = self._known.setdefault(terms, Group(terms))
        if sum(len(value) for value in said if isinstance(value, str)) <= _MAX_SPELLING_LENGTH:
            self[said] = group
        return group


class Vocabulary:
    """Every targeting in use and every value that one has named."""

    def __init__(self) -> None:
        self.targetings: list[Targeting] = []
        self._codes: dict[Targeting, int] = {}
        self._uses: list[int] = []
        self._free: list[int] = []
        self._table = np.zeros((_ROWS, 64), np.int32)
        self._values: dict[int, dict[str, int]] = {row: {} for row in range(0, _ROWS, 2)}
        self._bands = [_NOT_KNOWN, 0]  # ages that no targeting tells apart, each band by its first age
        self._audiences = _Groups(self._audience)
        self._places = _Groups(self._place)

    def groups(self, request: Request) -> tuple[Group, Group]:
        """Returns the two groups, place and user, that both have to reach a campaign for the request to match it."""
        return self._places[request[3:]], self._audiences[request[:3]]

    def bounds(self, row: int, codes: Codes) -> Bounds:
        """Returns of each of some targetings, by their codes, the lowest and highest value of a term's row."""
        return self._table[row].take(codes), self._table[row + 1].take(codes)

    def kinds(self, *groups: Group) -> int:
        """Returns the kinds of all targetings that let every term of the groups in."""
        table = self._table[:, : len(self.targetings)]
        flags = np.ones(len(self.targetings), np.bool_)
        for row, value in (term for group in groups for term in group.terms):
            flags &= (table[row] <= value) & (value <= table[row + 1])
            if not flags.any():
                return 0
        return kinds_of(np.flatnonzero(flags))

    def hold(self, targeting: Targeting, uses: int = 1) -> int:
        """Returns the targeting's code, a new one if need be; it stays the same until released as often."""
        code = self._codes.get(targeting)
        if code is None:
            code = self._learn(targeting)
        self._uses[code] += uses
        return code

    def release(self, code: int) -> None:
        """Takes back one use of a code; without any it may be given to another targeting."""
        self._uses[code] -= 1
        if not self._uses[code]:
            del self._codes[self.targetings[code]]
            self._free.append(code)

    def _learn(self, targeting: Targeting) -> int:
        code = self._free.pop() if self._free else self._grow()
        self._codes[targeting] = code
        self.targetings[code] = targeting
        self._table[:, code] = (
            *self._ages(targeting.age_start, targeting.age_end),
            *self._named(_GENDER, targeting.gender),
            *self._named(_INCOME, targeting.income_bucket),
            *self._named(_CITY, targeting.city),
            *self._named(_STATE, targeting.state),
            *self._named(_COUNTRY, targeting.country),
            *self._named(_DEVICE, targeting.device),
        )
        return code

    def _grow(self) -> int:
        if len(self.targetings) == self._table.shape[1]:
            self._table = np.concatenate((self._table, np.zeros_like(self._table)), axis=1)
        self.targetings.append(Targeting())
        self._uses.append(0)
        return len(self.targetings) - 1

    def _ages(self, start: int, end: int) -> tuple[int, int]:
        """Returns the ages that a range lets in; a new band begins where it starts, and after its end."""
        if start == end == 0:
            return _NOT_KNOWN, _LARGEST
        for age in (start, end + 1):
            if 0 < age < AGES and age not in self._bands:
                insort(self._bands, age)
                self._audiences.clear()
        return max(0, start), min(end, AGES)

    def _named(self, row: int, target: str) -> tuple[int, int]:
        """Returns the values that a target lets in; a name that is new gets the next value."""
        name = _plain(target)
        if not name:
            return 0, _LARGEST
        values = self._values[row]
        if name not in values:
            values[name] = len(values) + 1
            self._audiences.clear()  # a spelling of it may be remembered as a value that no campaign names
            self._places.clear()
        return values[name], values[name]

    def _audience(self, age: int | None, gender: str, income: str) -> tuple[Term, ...]:
        band = _NOT_KNOWN if age is None or not 0 <= age < AGES else self._bands[bisect_right(self._bands, age) - 1]
        return Term(_AGE, band), self._term(_GENDER, _plain(gender)), self._term(_INCOME, _plain(income))

    def _place(self, city: str, state: str, country: str, device: str) -> tuple[Term, ...]:
        said = ((_COUNTRY, country), (_CITY, city), (_DEVICE, device), (_STATE, state))
        plain = ((row, _plain(value)) for row, value in said)
        return tuple(self._term(row, name) for row, name in plain if name)

    def _term(self, row: int, name: str) -> Term:
        return Term(row, self._values[row].get(name, 0))


def kind_of(code: int) -> int:
    """Returns the kind of one targeting, as a set."""
    return 1 << (code & _KINDS - 1)


def kinds_of(codes: Codes) -> int:
    """Returns the kinds of some targetings: their codes, by the lowest bits, as a set.

    Two sets without a kind in common have no targeting in common; the reverse holds up to 16,384 targetings.
    """
    flags = np.zeros(_KINDS, np.bool_)
    flags[codes & _KINDS - 1] = True
    return packed(flags)


def _plain(value: str) -> str:
    """Returns the value without case and surrounding space, and nothing for `All`."""
    value = value.strip().casefold()
    return "" if value == ALL.casefold() else value
