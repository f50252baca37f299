"""Every campaign of the index by number, a column for each field.

A million campaigns take some 370 MB this way, ids and texts included, and are put in place in 0.2 s; as objects they
would take twice that, and seconds.
"""

from array import array
from sys import intern
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from adserver.ad import Ad
from adserver.columns import AdColumns
from adserver.ids import CampaignIds
from adserver.vocabulary import Vocabulary
from marketplace.bids import bid_key
from marketplace.campaign import Campaign

Numbers = npt.NDArray[np.int64]
Column: TypeAlias = "array[int]"

_MAX_ADS: Final = 16_384


class AdTable:
    """Columns by number, to be read only; the number of a campaign that is gone is given to another.

    `homes` is for who keeps the table: a number of his own for each campaign.
    """

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self.ids = CampaignIds()
        self.codes, self.starts, self.ends, self.homes = array("q"), array("q"), array("q"), array("q")
        self._cpcs, self._cpas = array("q"), array("q")
        self._texts: list[str] = []
        self._categories: list[str] = []
        self._free: list[int] = []
        self._ads: dict[int, Ad] = {}

    def fill(self, columns: AdColumns) -> None:
        """Takes campaigns in bulk into an empty table, with their lists; their numbers are their places."""
        targets, cpcs, cpas, starts, ends = columns.numbers()
        targetings = columns.targetings()
        uses = np.bincount(targets, minlength=len(targetings)).tolist()
        codes = np.array([self.vocabulary.hold(*each) for each in zip(targetings, uses, strict=True)], np.int64)
        self.ids = CampaignIds(columns.campaign_ids)
        self._texts, self._categories = columns.texts, columns.categories
        self.codes, self.homes = _array(codes[targets]), _array(np.zeros_like(targets))
        self._cpcs, self._cpas = _array(cpcs), _array(cpas)
        self.starts, self.ends = _array(starts), _array(ends)

    def __len__(self) -> int:
        return len(self._texts) - len(self._free)

    def add(self, campaign: Campaign, code: int) -> int:
        """Takes a campaign that is not known; returns its number. The code of its targeting is held for it."""
        number = self._free.pop() if self._free else self._grow()
        self.ids.set(number, campaign.campaign_id)
        self._write(number, campaign, code)
        return number

    def put(self, number: int, campaign: Campaign, code: int) -> None:
        """Takes a known campaign as it is now. The code of its targeting is held for it."""
        self.vocabulary.release(self.codes[number])
        self._write(number, campaign, code)

    def drop(self, number: int) -> None:
        """Lets a campaign go."""
        self._ads.pop(number, None)
        self.vocabulary.release(self.codes[number])
        self.ids.drop(number)
        self._texts[number] = ""
        self._free.append(number)

    def bid_key(self, number: int) -> int:
        """Returns a campaign's bid."""
        return bid_key(self._cpcs[number], self._cpas[number])

    def bid_keys(self, numbers: Numbers) -> Numbers:
        """Returns the bids of some campaigns."""
        keys: Numbers = bid_key(column(self._cpcs).take(numbers), column(self._cpas).take(numbers))  # type: ignore[arg-type, assignment]
        return keys

    def ad(self, number: int) -> Ad:
        """Returns a campaign with all its fields. Those that win are remembered, up to a bound."""
        ad = self._ads.get(number)
        if ad is None:
            if len(self._ads) >= _MAX_ADS:
                self._ads.clear()
            ad = self._ads[number] = Ad(
                self.ids.by_number[number],
                self._texts[number],
                self._categories[number],
                self.vocabulary.targetings[self.codes[number]],
                self.bid_key(number),
                self._cpcs[number],
                self._cpas[number],
                self.starts[number],
                self.ends[number],
            )
        return ad

    def _write(self, number: int, campaign: Campaign, code: int) -> None:
        self._ads.pop(number, None)
        self._texts[number] = campaign.text
        self._categories[number] = intern(campaign.category)
        self.codes[number] = code
        self._cpcs[number], self._cpas[number] = campaign.cpc_nanos, campaign.cpa_nanos
        self.starts[number], self.ends[number] = campaign.window.start_us, campaign.window.end_us

    def _grow(self) -> int:
        for numbers in (self.codes, self.starts, self.ends, self.homes, self._cpcs, self._cpas):
            numbers.append(0)
        for texts in (self._texts, self._categories):
            texts.append("")
        return len(self._texts) - 1


def column(values: Column) -> Numbers:
    """Returns a view of a column; as long as someone holds it, the column cannot grow."""
    return np.frombuffer(values, np.int64)


def _array(values: Numbers) -> Column:
    made = array("q")
    made.frombytes(np.ascontiguousarray(values).view(np.uint8).data)
    return made
