"""A complete command, and what tests make of it."""

import json
from datetime import UTC, datetime
from typing import Any

from admanager.commands import parse_command
from admanager.lifecycle import Applied, Rules, apply_command
from marketplace.campaign import Campaign
from marketplace.slots import SlotGrid

COMPLETE: dict[str, Any] = {
    "text": "Hand-made mugs",
    "category": "Home & Kitchen",
    "keywords": "mugs,gifts",
    "campaign_id": "8cf1b846-8f97-11f0-b7f6-0e087721c0e9",
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
    "date_range": "{'start': '2025-09-12', 'end': '2025-09-13'}",
    "time_range": "{'start': '5:00:00', 'end': '18:00:00'}",
}
RULES = Rules(SlotGrid(), UTC)
START_US = int(datetime(2025, 9, 12, 5, tzinfo=UTC).timestamp()) * 1_000_000
END_US = int(datetime(2025, 9, 13, 18, tzinfo=UTC).timestamp()) * 1_000_000
SLOTS = 37 * 6


def message(**changed: Any) -> bytes:
    """Returns a complete New with some fields changed; None takes a field out."""
    fields = {name: value for name, value in {**COMPLETE, **changed}.items() if value is not None}
    return json.dumps(fields).encode()


def bare(action: str, **fields: Any) -> bytes:
    """Returns a command that carries its campaign's id and nothing else but these fields."""
    return json.dumps({"campaign_id": COMPLETE["campaign_id"], "action": action, **fields}).encode()


def applied(value: bytes, known: Campaign | None = None, now_us: int = START_US, rules: Rules = RULES) -> Applied:
    """Reads and applies a message."""
    return apply_command(parse_command(value), known, now_us, rules)


def created(**changed: Any) -> Campaign:
    """Returns the campaign that a New makes."""
    campaign = applied(message(**changed)).campaign
    assert campaign
    return campaign
