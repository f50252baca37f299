"""Campaigns in bulk, a column for each field: how a million of them come out of the store in seconds."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import attrgetter
from sys import intern
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from marketplace.campaign import Campaign, Targeting

Target = tuple[str, int, int, str, str, str, str, str]
"""A targeting's fields in their order: gender, first and last age, city, state, country, income bucket, device."""

_FIELDS: Final = ("gender", "age_start", "age_end", "city", "state", "country", "income_bucket", "device")
_PAGE: Final = 10_000
_target: Final[Callable[[Targeting], Target]] = attrgetter(*_FIELDS)


class AdColumns:
    """Campaigns that may bid, with distinct ids. Money in nanos, times in microseconds since the epoch."""

    def __init__(self) -> None:
        self.campaign_ids: list[str] = []
        self.texts: list[str] = []
        self.categories: list[str] = []
        self._targets: dict[Target, int] = {}
        self._pages: list[npt.NDArray[np.int64]] = [np.zeros((5, 0), np.int64)]

    @classmethod
    def of(cls, campaigns: Iterable[Campaign], now_us: int) -> Self:
        """Takes those of some campaigns that may bid, now or when their window opens."""
        columns = cls()
        bidding = (one for one in campaigns if one.servable and one.window.end_us > now_us)
        while page := list(islice(bidding, _PAGE)):
            columns.add(
                [one.campaign_id for one in page],
                [one.text for one in page],
                [one.category for one in page],
                [_target(one.targeting) for one in page],
                [one.cpc_nanos for one in page],
                [one.cpa_nanos for one in page],
                [one.window.start_us for one in page],
                [one.window.end_us for one in page],
            )
        return columns

    def add(
        self,
        campaign_ids: Sequence[str],
        texts: Iterable[str],
        categories: Iterable[str],
        targets: Iterable[Target],
        *numbers: Sequence[int],
    ) -> None:
        """Adds some campaigns; `numbers` are their cpc_nanos, cpa_nanos, start_us and end_us."""
        self.campaign_ids.extend(campaign_ids)
        self.texts.extend(texts)
        self.categories.extend(map(intern, categories))
        known = self._targets
        places = [known.setdefault(target, len(known)) for target in targets]
        self._pages.append(np.array((places, *numbers), np.int64).reshape(5, -1))

    def targetings(self) -> list[Targeting]:
        """Returns the distinct targetings."""
        return [Targeting(**dict(zip(_FIELDS, target, strict=True))) for target in self._targets]  # type: ignore[arg-type]

    def numbers(self) -> npt.NDArray[np.int64]:
        """Returns five rows, a column for each campaign: its targeting's place among the distinct ones, cpc_nanos,
        cpa_nanos, start_us and end_us."""
        if len(self._pages) > 1:
            self._pages = [np.concatenate(self._pages, axis=1)]
        return self._pages[0]
