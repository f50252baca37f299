"""The values that campaigns name in their targeting, and which of them a request asks for.

A value is a `Term`, an object of its own, so that looking up its bitset costs no hashing of text. Ages are cut into
bands where a campaign's range starts or ends: a handful of terms in place of one for each age.
"""

from typing import Final, NamedTuple

from adserver.request import Request
from marketplace.campaign import ALL, Targeting

AGES: Final = 128
"""Ages from here on are taken as not known."""

_MAX_SPELLINGS: Final = 4_096
_MAX_SPELLING_LENGTH: Final = 64
_MAX_TARGETINGS: Final = 65_536


class Term:
    """One value of one dimension; `wildcard` is the dimension's `All`, or None where this is it."""

    __slots__ = ("wildcard",)

    def __init__(self, wildcard: "Term | None" = None) -> None:
        self.wildcard = wildcard


class Reach(NamedTuple):
    """Whom a campaign reaches: the terms that it names, and the wildcard of each dimension in which it names none.

    `targeting` is shared by all campaigns with an equal one.
    """

    targeting: Targeting
    terms: frozenset[Term]


class Cut(NamedTuple):
    """A new age band, and the one that it was part of until now."""

    band: Term
    whole: Term


class _Dimension(dict[str, Term | None]):
    """Maps a request's spelling to its term, remembered up to a bound.

    A value that no campaign names is the wildcard: only campaigns that target everyone match. `unsaid` stands for
    empty and `All`.
    """

    def __init__(self, unsaid_filters: bool) -> None:
        super().__init__()
        self.wildcard = Term()
        self._unsaid = self.wildcard if unsaid_filters else None
        self._named: dict[str, Term] = {}

    def __missing__(self, spelling: str) -> Term | None:
        value = _plain(spelling)
        term = self._named.get(value, self.wildcard) if value else self._unsaid
        if len(spelling) <= _MAX_SPELLING_LENGTH:
            if len(self) >= _MAX_SPELLINGS:
                self.clear()
            self[spelling] = term
        return term

    def named(self, target: str) -> Term:
        """Returns the term of a campaign's target, a new one if no campaign has named it before."""
        value = _plain(target)
        if not value:
            return self.wildcard
        if value not in self._named:
            self._named[value] = Term(self.wildcard)
            self.clear()  # a spelling of it may be remembered as the wildcard
        return self._named[value]


class _Ages:
    """The bands of ages that no campaign's range tells apart."""

    def __init__(self) -> None:
        self.wildcard = Term()
        self._bands = [Term(self.wildcard)] * AGES

    def term(self, age: int | None) -> Term:
        """Returns the band of a user's age."""
        return self.wildcard if age is None or not 0 <= age < AGES else self._bands[age]

    def named(self, start: int, end: int) -> frozenset[Term]:
        """Returns the bands of a campaign's range, both ends included."""
        return frozenset({self.wildcard} if start == end == 0 else self._bands[max(0, start) : max(0, end + 1)])

    def cut(self, start: int, end: int) -> list[Cut]:
        """Makes bands begin where a campaign's range starts and after its end."""
        cuts = []
        for age in () if start == end == 0 else (start, end + 1):
            if 0 < age < AGES and self._bands[age] is self._bands[age - 1]:
                whole, band = self._bands[age], Term(self.wildcard)
                self._bands[age:] = [band if other is whole else other for other in self._bands[age:]]
                cuts.append(Cut(band, whole))
        return cuts


class Vocabulary:
    """Every term in use, and the way from requests and targetings to them."""

    def __init__(self) -> None:
        self._genders, self._incomes = _Dimension(True), _Dimension(True)
        self._cities, self._states = _Dimension(False), _Dimension(False)
        self._countries, self._devices = _Dimension(False), _Dimension(False)
        self._ages = _Ages()
        self._reaches: dict[Targeting, Reach] = {}

    def terms(self, request: Request) -> list[Term]:
        """Returns the terms that all have to reach a campaign for the request to match it.

        Those that as a rule leave the fewest come first: who ANDs them may stop early.
        """
        age, gender, income, city, state, country, device = request
        terms = []
        if term := self._cities[city]:
            terms.append(term)
        if term := self._devices[device]:
            terms.append(term)
        if term := self._countries[country]:
            terms.append(term)
        terms.append(self._ages.term(age))
        if term := self._genders[gender]:
            terms.append(term)
        if term := self._incomes[income]:
            terms.append(term)
        if term := self._states[state]:
            terms.append(term)
        return terms

    def known(self, targeting: Targeting) -> Reach | None:
        """Returns whom a targeting reaches if that is remembered."""
        return self._reaches.get(targeting)

    def learn(self, targeting: Targeting) -> tuple[Reach, list[Cut]]:
        """Returns whom a targeting reaches, and the age bands that had to be cut for it.

        Who keeps something per term gives each new band what the old one has.
        """
        cuts = self._ages.cut(targeting.age_start, targeting.age_end)
        if cuts or len(self._reaches) >= _MAX_TARGETINGS:
            self._reaches.clear()
        terms = self._ages.named(targeting.age_start, targeting.age_end) | {
            self._genders.named(targeting.gender),
            self._incomes.named(targeting.income_bucket),
            self._cities.named(targeting.city),
            self._states.named(targeting.state),
            self._countries.named(targeting.country),
            self._devices.named(targeting.device),
        }
        reach = self._reaches[targeting] = Reach(targeting, terms)
        return reach, cuts


def _plain(value: str) -> str:
    """Returns the value without case and surrounding space, and nothing for `All`."""
    value = value.strip().casefold()
    return "" if value == ALL.casefold() else value
