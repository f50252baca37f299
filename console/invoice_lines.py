"""What an invoice lists: its campaigns, or its categories where there are too many to read. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adplatform.v1 import reporting_pb2 as pb

MAX_LISTED: Final = 2_000
"""Campaigns that are listed one by one, on some 45 pages; of more, categories are."""
_MAX_CATEGORIES: Final = 500


@dataclass(slots=True)
class Row:
    """A line to print; `name` and `about` fill the first two columns. Charged is in nanos."""

    name: str
    about: str
    impressions: int = 0
    clicks: int = 0
    acquisitions: int = 0
    charged_nanos: int = 0
    campaigns: int = 1

    def add(self, line: "pb.BillLine | Row") -> None:
        """Adds a line's figures."""
        self.impressions += line.impressions
        self.clicks += line.clicks
        self.acquisitions += line.acquisitions
        self.charged_nanos += line.charged_nanos


def by_campaign(lines: Iterable[pb.BillLine]) -> list[Row]:
    """Returns a row for each line."""
    rows = []
    for line in lines:
        rows.append(row := Row(line.campaign_id, line.category))
        row.add(line)
    return rows


def by_category(lines: Iterable[pb.BillLine]) -> list[Row]:
    """Returns a row for each category, the highest charge first; beyond some hundreds the rest is one row."""
    found: dict[str, Row] = {}
    for line in lines:
        row = found.setdefault(line.category, Row(line.category or "No category", "", campaigns=0))
        row.add(line)
        row.campaigns += 1
    rows = sorted(found.values(), key=lambda row: (-row.charged_nanos, row.name))
    listed, others = rows[:_MAX_CATEGORIES], rows[_MAX_CATEGORIES:]
    if others:
        listed.append(_together(others))
    for row in listed:
        row.about = f"{row.campaigns:,}"
    return listed


def _together(rows: Sequence[Row]) -> Row:
    rest = Row(f"{len(rows):,} other categories", "", campaigns=sum(row.campaigns for row in rows))
    for row in rows:
        rest.add(row)
    return rest
