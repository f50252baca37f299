"""A bill as the console asks for it: of an account or a campaign, page by page, beside the ledger if wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adplatform.v1 import reporting_pb2 as pb

from reporting.bill import BillLine, total_line
from reporting.service import books_wire, wire
from reporting.service.books import Kept
from reporting.service.compared import Comparison, Sums, compare_lines
from reporting.service.held import Held

_MAX_ACCOUNTS: Final = 200
_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Part:
    """What of a bill is asked for; an empty text: all. `start` and `size` are the page, in lines."""

    account: str
    campaign_id: str
    start: int
    size: int

    def holds(self, account: str, campaign_id: str) -> bool:
        """Tells whether a campaign belongs to it."""
        return self.account in ("", account) and self.campaign_id in ("", campaign_id)


def bill_to_proto(kept: Kept, part: Part, ledger_nanos: int) -> pb.GetBillResponse:
    """Writes a page of a bill, with the sums of all of its part."""
    statement, end = kept.statement, part.start + part.size
    lines = lines_of(kept, part)
    coming = sum(some.charged_nanos for some in kept.coming if part.holds(some.account, some.campaign_id))
    return pb.GetBillResponse(
        as_of_time=wire.moment(statement.made_at),
        period=statement.period.describe(),
        currency=statement.currency,
        lines=map(books_wire.line_to_proto, lines[part.start : end]),
        total=books_wire.line_to_proto(total_line(lines)),
        total_size=len(lines),
        next_page_token=f"{kept.name}-{end}" if end < len(lines) else "",
        ledger_nanos=ledger_nanos,
        on_the_way_nanos=min(coming, _MOST),
        note=statement.footnote or "",
    )


def compared(kept: Kept, part: Part, held: Mapping[str, Held]) -> Comparison:
    """Compares a part of a bill with what the ledger holds of the same campaigns."""
    own = {name: row for name, row in held.items() if part.holds(row.account, name)}
    return compare_lines(lines_of(kept, part), kept.reach, own, kept.statement.period)


def lines_of(kept: Kept, part: Part) -> list[BillLine]:
    """Returns the lines of a part, on whatever page."""
    return [line for line in kept.statement.bill.lines if part.holds(line.account, line.campaign_id)]


def comparison_to_proto(read_at: datetime, found: Comparison) -> pb.LedgerComparison:
    """Writes a comparison."""
    return pb.LedgerComparison(
        as_of_time=wire.moment(read_at),
        ok=not found.differing,
        campaigns=found.campaigns,
        differing=found.differing,
        findings=found.findings,
        total=_sums(found.total),
        accounts=map(_sums, found.accounts[:_MAX_ACCOUNTS]),
        account_count=len(found.accounts),
    )


def _sums(sums: Sums) -> pb.AccountSums:
    return pb.AccountSums(
        account=sums.account,
        lines=sums.lines,
        charged_nanos=sums.charged_nanos,
        ledger_nanos=sums.ledger_nanos,
        purged_nanos=sums.purged_nanos,
        on_the_way_nanos=sums.coming_nanos,
        difference_nanos=sums.difference_nanos,
    )
