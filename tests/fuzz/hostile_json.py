"""Commands whose fields nobody means well with, as text: much of it is no JSON, or none that others would write."""

import json
import random
from collections.abc import Sequence
from typing import Any, Final

from hostile import TEXTS, damage

Change = tuple[str, str | None]
"""A field and the JSON text of its new value; None: without the field."""

COMPLETE: Final[dict[str, Any]] = {
    "text": "Hand-made mugs",
    "category": "Home & Kitchen",
    "keywords": "mugs,gifts",
    "campaign_id": "new",
    "action": "New Campaign",
    "target_gender": "F",
    "target_age_range": "{'start': '20', 'end': '45'}",
    "target_city": "All",
    "target_state": "All",
    "target_country": "India",
    "target_income_bucket": "M",
    "target_device": "All",
    "cpc": "0.00066",
    "cpa": "0.0529",
    "budget": "500",
    "date_range": "{'start': '2026-10-01', 'end': '2026-10-13'}",
    "time_range": "{'start': '5:00:00', 'end': '18:00:00'}",
    "command_id": "first",
    "account": "default",
}
_WHOLE: Final = {name: json.dumps(value) for name, value in COMPLETE.items()}
_NUMBERS: Final = (
    *("1e400", "1e-400", "1e999999999", "-0", "-0.0", "0.1234567891", "0", "1", "-1", "9000000000", "9000000001"),
    *("1000000", "1000000.000000001", "0.000000001", "1" * 60, '"1e3"', '" 7 "', '"0.10"', '"٣"', '"-1"', '"1_0"'),
    *('"NaN"', '"sNaN"', '"Infinity"', '"' + "9" * 40 + '"', '"' + "9" * 41 + '"', '"1e9999999999"', "true"),
    *('"\\ud800"', '"' + "\\ud83d" * 50 + '"', '"' + "\\u0000" * 41 + '"'),
)
_DATES: Final = ("0001-01-01", "9999-12-31", "2026-10-01", "2026-W40-4", "20261001", "2026-13-01", "١٢٣٤-٠١-٠١", "")
_TIMES: Final = ("0:00:00", "23:59:59", "24:00:00", "9:00", "٠٩:٠٠", "23:59:60", "-1:00:00")
_AGES: Final[tuple[tuple[Any, Any], ...]] = (
    (0, 0),
    (0, 150),
    (151, 151),
    (45, 20),
    ("1", 2.5),
    (" 7 ", "٣"),
    (True, None),
    ("", []),
)
_RANGES: Final = [
    *({"start": start, "end": end} for start in _DATES for end in _DATES[:3]),
    *({"start": start, "end": end} for start in _TIMES for end in _TIMES[:3]),
    *({"start": start, "end": end} for start, end in _AGES),
]
_NESTED: Final = (
    *("[" * 190, "(" * 90 + ")" * 90, "-" * 199 + "1", "{'start': " * 15, "__import__('os')", "'\\x00'", "1" * 201),
)
_STRINGS: Final = [
    *(json.dumps(text) for text in (*TEXTS, *_NESTED)),
    *('"\\ud800"', '"' + "\\ud83d" * 50 + '"', '"a\\udfff"', '"\\u0000"', '"\\u202e"', '"\x7f"'),
]
_ODD: Final = (
    *("null", "true", "[]", "{}", "[[[]]]", '{"start": null}', '{"start": {}, "end": []}'),
    '{"start": 1e999, "end": 2}',
)
_BROKEN: Final = ("NaN", "-Infinity", "'single'", '"open', "01", "0x10", "[" * 3_000 + "]" * 3_000, "9" * 5_000, '"\n"')
_ENDS: Final = (*map(json.dumps, _RANGES), *(json.dumps(str(ends)) for ends in _RANGES))
_APT: Final[dict[str, Any]] = {
    **dict.fromkeys(("cpc", "cpa", "budget"), _NUMBERS),
    **dict.fromkeys(("date_range", "time_range", "target_age_range"), _ENDS),
    "action": [json.dumps(verb) for verb in ("New Campaign", " update campaign ", "STOP CAMPAIGN", "Delete Campaign")],
}
_APT_CHANGES: Final = [(name, value) for name in _WHOLE for value in (None, *_APT.get(name, _STRINGS))]
_ODD_CHANGES: Final = [(name, value) for name in _WHOLE for value in (*_ODD, *_NUMBERS, *_STRINGS)]
_BROKEN_CHANGES: Final = [(name, value) for name in _WHOLE for value in _BROKEN]
_VERBS: Final = ('"New Campaign"', '"Update Campaign"', '"Update Campaign"', '"Stop Campaign"')


def written(changes: Sequence[Change]) -> bytes:
    """Writes a complete command with some fields changed."""
    fields = {name: value for name, value in (_WHOLE | dict(changes)).items() if value is not None}
    text = ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items())
    return f"{{{text}}}".encode(errors="surrogatepass")


def command(rng: random.Random, campaign_ids: Sequence[str]) -> bytes:
    """Makes a message of the command topic, most often about one of these campaigns."""
    changes: list[Change] = [("action", rng.choice(_VERBS))]
    if rng.random() < 0.7:
        changes.append(("campaign_id", json.dumps(rng.choice(campaign_ids))))
    kind = rng.random()
    if kind < 0.55:
        changes += rng.choices(_APT_CHANGES, k=rng.randint(0, 4))
    elif kind < 0.8:
        changes += rng.choices(_ODD_CHANGES, k=rng.randint(1, 2))
    elif kind < 0.88:
        changes.append(rng.choice(_BROKEN_CHANGES))
    else:
        return damage(rng, written(changes))
    return written(changes)
