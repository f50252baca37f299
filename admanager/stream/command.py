"""A command on its way from a file to topic `campaign-commands`: values stay as they were, nothing is judged here."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Fields = Mapping[str, object]

NEW: Final = "New Campaign"
UPDATE: Final = "Update Campaign"
STOP: Final = "Stop Campaign"
COLUMNS: Final = (
    "text",
    "category",
    "keywords",
    "campaign_id",
    "action",
    "target_gender",
    "target_age_range",
    "target_city",
    "target_state",
    "target_country",
    "target_income_bucket",
    "target_device",
    "cpc",
    "cpa",
    "budget",
    "date_range",
    "time_range",
)

_RANGES: Final = ("target_age_range", "date_range", "time_range")
_LONGEST_RANGE: Final = 200


@dataclass(frozen=True, slots=True)
class StreamCommand:
    """A command and the line of the file that it begins on.

    `fields` is None for what is no command at all, such as broken JSON: it goes to the topic as it is, and the ad
    manager rejects it. `raw` is what the file says, for as long as nothing in it was changed.
    """

    line: int
    fields: Fields | None
    raw: bytes | None = None

    @property
    def campaign_id(self) -> str:
        """Returns the campaign's id, or an empty text where there is none."""
        value = self.fields.get("campaign_id") if self.fields else None
        return value.strip() if isinstance(value, str) else ""

    @property
    def key(self) -> bytes | None:
        """Returns the key of the message: the campaign's id."""
        return self.campaign_id.encode("utf-8", "replace") or None

    def value(self) -> bytes:
        """Returns the message: the file's own bytes, or the fields as JSON."""
        return self.raw if self.raw is not None else encode(self.fields or {})


def encode(fields: Fields) -> bytes:
    """Writes the fields as one line of JSON; ASCII, so that half of a surrogate pair cannot fail it."""
    return json.dumps(fields, separators=(",", ":")).encode()


def with_ranges(fields: Fields) -> dict[str, object]:
    """Returns the fields with nested ranges as objects where their text can be read, and as they were where not."""
    return {name: parse_range(value) if name in _RANGES else value for name, value in fields.items()}


def parse_range(value: object) -> object:
    """Reads `{"start": "20", "end": "45"}` as JSON or Python writes it; returns anything else unchanged."""
    if not isinstance(value, str) or len(value) > _LONGEST_RANGE:
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            parsed = read(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(parsed, dict) and all(_plain(part) for item in parsed.items() for part in item):
            return parsed
    return value


def _plain(part: object) -> bool:
    return type(part) in (str, int)


def clean_keywords(keywords: str) -> str:
    """Mends keywords that were joined character by character: `b,a,b,y,,,t,o,y,s` becomes `baby,toys`.

    While every odd character is a comma, takes every second one; some were joined so three times over.
    """
    while len(keywords) > 2 and not keywords[1::2].strip(","):
        keywords = keywords[::2]
    return keywords
