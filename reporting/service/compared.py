"""Compares the lines of a bill with the ledger, campaign by campaign and account by account. Pure.

A line has to be what the ledger holds of the period up to the line's last event. Where the ledger's rows of the period
are purged, it keeps one sum per campaign and no times: then the campaign is compared over all time, and the part of
the line that the ledger cannot date any more is told apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from marketplace.money import format_nanos
from reporting.bill import BillLine
from reporting.period import Period
from reporting.reach import Reach
from reporting.service.held import Held

_MAX_FINDINGS: Final = 50
_NONE: Final = Held(account="", charged_nanos=0, coming_nanos=0, ever_nanos=0, purged_seq=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Some lines beside the ledger, in nanos: charged = ledger + purged + difference; `coming` is on no line."""

    account: str = ""
    lines: int = 0
    charged_nanos: int = 0
    ledger_nanos: int = 0
    purged_nanos: int = 0
    coming_nanos: int = 0
    difference_nanos: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """Adds two up; the account is the first one's."""
        return Sums(
            account=self.account,
            lines=self.lines + other.lines,
            charged_nanos=self.charged_nanos + other.charged_nanos,
            ledger_nanos=self.ledger_nanos + other.ledger_nanos,
            purged_nanos=self.purged_nanos + other.purged_nanos,
            coming_nanos=self.coming_nanos + other.coming_nanos,
            difference_nanos=self.difference_nanos + other.difference_nanos,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it: in all, by account with the highest charge first, and what differs, in sentences."""

    campaigns: int
    differing: int
    total: Sums
    accounts: list[Sums]
    findings: list[str]


def compare_lines(
    lines: Iterable[BillLine], reach: Mapping[str, Reach], held: Mapping[str, Held], period: Period
) -> Comparison:
    """Compares; `held` are the campaigns that the bill is of, with or without a line."""
    always = period.start is None and period.end is None
    billed = {line.campaign_id: line for line in lines}
    accounts: dict[str, Sums] = {}
    findings = []
    compared = 0
    for name in sorted(billed.keys() | held.keys()):
        line, row = billed.get(name), held.get(name, _NONE)
        sums, finding = _campaign(line, reach.get(name, Reach()), row, always)
        if line is None and not (row.charged_nanos or row.coming_nanos or finding):
            continue
        compared += 1
        account = line.account if line else row.account
        accounts[account] = accounts.get(account, Sums(account=account)) + sums
        if finding:
            findings.append(f"campaign {name}: {finding}")
    ordered = sorted(accounts.values(), key=lambda sums: (-sums.charged_nanos, sums.account))
    total = sum(ordered, Sums())
    return Comparison(compared, len(findings), total, ordered, list(_bounded(findings)))


def _campaign(line: BillLine | None, reach: Reach, held: Held, always: bool) -> tuple[Sums, str]:
    charged = line.charged_nanos if line else 0
    sums = Sums(
        lines=int(line is not None),
        charged_nanos=charged,
        ledger_nanos=held.charged_nanos,
        coming_nanos=held.coming_nanos,
    )
    if always or not held.purged_seq:
        difference = charged - held.charged_nanos
        return replace(sums, difference_nanos=difference), _differs(difference, "the ledger's") if difference else ""
    rest, ever = charged - held.charged_nanos, reach.charged_nanos - held.ever_nanos
    gone = 0 < reach.first_seq <= held.purged_seq  # rows of the period, by the archive's own dates
    difference = (ever or min(rest, 0)) if gone else rest
    sums = replace(sums, purged_nanos=rest - difference, difference_nanos=difference)
    if ever:
        return sums, _differs(ever, "the ledger's over all time")
    return sums, _differs(difference, "the ledger's") if difference else ""


def _differs(nanos: int, what: str) -> str:
    return f"its charges are {format_nanos(abs(nanos))} {'more' if nanos > 0 else 'less'} than {what}"


def _bounded(findings: list[str]) -> Iterator[str]:
    yield from findings[:_MAX_FINDINGS]
    if (more := len(findings) - _MAX_FINDINGS) > 0:
        yield f"and {more:,} more"
