"""Campaign commands as they come on the topic: JSON in the form of the real stream, read tolerantly, checked strictly.

Amounts and ages may be numbers or strings; ranges may be objects, JSON strings or Python-repr strings.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from admanager.fields import READERS, Range, read_id, read_name

T = TypeVar("T")


class Verb(StrEnum):
    """What a command does, in the words of the stream's field `action`."""

    NEW = "New Campaign"
    UPDATE = "Update Campaign"
    STOP = "Stop Campaign"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFields:
    """What a command says of its campaign, named as in the stream; None: it does not say."""

    text: str | None = None
    category: str | None = None
    keywords: str | None = None
    target_gender: str | None = None
    target_age_range: Range[int] | None = None
    target_city: str | None = None
    target_state: str | None = None
    target_country: str | None = None
    target_income_bucket: str | None = None
    target_device: str | None = None
    cpc: int | None = None
    cpa: int | None = None
    budget: int | None = None
    date_range: Range[date] | None = None
    time_range: Range[time] | None = None

    @property
    def missing(self) -> list[str]:
        """Returns the names of the fields that a complete campaign still needs."""
        return [field.name for field in fields(self) if getattr(self, field.name) is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that can be read. `flaws` are the unreadable fields of a Stop, which needs none of them."""

    verb: Verb
    campaign_id: str
    command_id: str | None
    account: str | None
    campaign: CampaignFields
    flaws: tuple[str, ...] = ()


@dataclass
class Rejected(Exception):
    """A command that cannot be applied: `field` at fault ("" for the message as a whole) and why, for people."""

    field: str
    reason: str
    campaign_id: str | None = None
    command_id: str | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


def parse_command(value: bytes) -> Command:
    """Reads one message of the command topic. Raises Rejected."""
    message = _load(value)
    campaign_id = command_id = None
    try:
        command_id = _optional_id(message, "command_id")
        campaign_id = _read(message, "campaign_id", read_id)
        verb = _read(message, "action", _verb)
        account = _read(message, "account", read_name) if message.get("account") is not None else None
        campaign, flaws = _campaign_fields(message)
        if flaws and verb is not Verb.STOP:
            raise flaws[0]
        if verb is Verb.NEW and campaign.missing:
            raise Rejected(campaign.missing[0], "is missing")
    except Rejected as rejected:
        rejected.campaign_id, rejected.command_id = campaign_id, command_id
        raise
    return Command(
        verb=verb,
        campaign_id=campaign_id,
        command_id=command_id,
        account=account,
        campaign=campaign,
        flaws=tuple(str(flaw) for flaw in flaws),
    )


def _load(value: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(value, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Rejected("", "is not a JSON object") from None
    if not isinstance(message, dict):
        raise Rejected("", "is not a JSON object")
    return message


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _campaign_fields(message: Mapping[str, Any]) -> tuple[CampaignFields, list[Rejected]]:
    values: dict[str, Any] = {}
    flaws: list[Rejected] = []
    for name, read in READERS.items():
        if name in message:
            try:
                values[name] = _read(message, name, read)
            except Rejected as flaw:
                flaws.append(flaw)
    return CampaignFields(**values), flaws


def _read(message: Mapping[str, Any], name: str, read: Callable[[Any], T]) -> T:
    if name not in message:
        raise Rejected(name, "is missing")
    if message[name] is None:
        raise Rejected(name, "is null")
    try:
        return read(message[name])
    except Rejected:
        raise
    except (ValueError, OverflowError, TypeError) as problem:
        raise Rejected(name, str(problem)) from None


def _optional_id(message: Mapping[str, Any], name: str) -> str | None:
    return _read(message, name, read_id) if message.get(name) is not None else None


def _verb(value: Any) -> Verb:
    for verb in Verb:
        if isinstance(value, str) and value.strip().casefold() == verb.value.casefold():
            return verb
    raise ValueError(f"{str(value)[:40]!r} is none of {', '.join(verb.value for verb in Verb)}")
