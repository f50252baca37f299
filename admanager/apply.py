"""Applies a batch of the command topic: effect, outcome and position in one transaction."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from admanager.commands import Command, Rejected, parse_command
from admanager.lifecycle import Outcome, Rules, apply_command
from admanager.ports import CommandOutcome, CommandStore, CommandUnit, RejectedMessage
from marketplace.campaign import Campaign
from marketplace.ports import Record

_MAX_REJECTED_BYTES: Final = 64 * 1024
_MAX_REASON: Final = 500

log = structlog.get_logger()


@dataclass
class StalePosition(Exception):
    """Another member, or this one before a crash, has applied the batch's start; read again from `position`."""

    position: int


@dataclass
class _Batch:
    campaigns: dict[str, Campaign]
    known: frozenset[str]
    seen: set[str]
    touched: dict[str, None] = field(default_factory=dict)
    outcomes: list[CommandOutcome] = field(default_factory=list)
    rejected: list[RejectedMessage] = field(default_factory=list)


def apply_batch(
    store: CommandStore, records: Sequence[Record], start: int, now_us: int, rules: Rules
) -> Counter[Outcome]:
    """Applies records of one partition, read from position `start`, in topic order; returns how many of each outcome.

    Raises StalePosition where the stored position is not `start`: nothing was done, and the batch is to be dropped.
    """
    with store.applying(records[0].topic, records[0].partition) as unit:
        position = unit.lock_position()
        if position != start:
            raise StalePosition(position)
        parsed = [_parse(record) for record in records]
        batch = _load(unit, [command for command in parsed if isinstance(command, Command)])
        for record, command in zip(records, parsed, strict=True):
            batch.outcomes.append(_decide(batch, record, command, now_us, rules))
        _save(unit, batch, now_us)
        unit.commit(records[-1].offset + 1)
    for outcome in batch.outcomes:
        campaign = batch.campaigns.get(outcome.campaign_id or "")
        status = campaign.status.value if campaign else None
        log.info(
            "command",
            campaign_id=outcome.campaign_id,
            action=outcome.action,
            outcome=outcome.outcome.value,
            status=status,
            reason=outcome.reason or None,
            offset=outcome.offset,
        )
    return Counter(outcome.outcome for outcome in batch.outcomes)


def _parse(record: Record) -> Command | Rejected:
    try:
        return parse_command(record.value)
    except Rejected as rejected:
        return rejected


def _load(unit: CommandUnit, commands: Sequence[Command]) -> _Batch:
    campaigns = unit.lock_campaigns({command.campaign_id for command in commands})
    seen = unit.seen({command.command_id for command in commands if command.command_id})
    return _Batch(campaigns=dict(campaigns), known=frozenset(campaigns), seen=seen)


def _decide(batch: _Batch, record: Record, command: Command | Rejected, now_us: int, rules: Rules) -> CommandOutcome:
    if isinstance(command, Rejected):
        return _reject(batch, record, command)
    try:
        outcome = _apply(batch, command, now_us, rules)
    except Rejected as rejected:
        rejected.campaign_id, rejected.command_id = command.campaign_id, command.command_id
        return _reject(batch, record, rejected, command.verb.value)
    if command.command_id:
        batch.seen.add(command.command_id)
    return CommandOutcome(
        offset=record.offset,
        command_id=command.command_id,
        campaign_id=command.campaign_id,
        action=command.verb.value,
        outcome=outcome,
    )


def _apply(batch: _Batch, command: Command, now_us: int, rules: Rules) -> Outcome:
    if command.command_id in batch.seen:
        return Outcome.REPEAT
    applied = apply_command(command, batch.campaigns.get(command.campaign_id), now_us, rules)
    if applied.campaign is not None:
        batch.campaigns[command.campaign_id] = applied.campaign
        batch.touched[command.campaign_id] = None
    return applied.outcome


def _reject(batch: _Batch, record: Record, rejected: Rejected, action: str | None = None) -> CommandOutcome:
    batch.rejected.append(RejectedMessage(record.key, _rejection(record, rejected), rejected.campaign_id))
    return CommandOutcome(
        offset=record.offset,
        command_id=rejected.command_id,
        campaign_id=rejected.campaign_id,
        action=action,
        outcome=Outcome.REJECTED,
        reason=str(rejected)[:_MAX_REASON],
    )


def _rejection(record: Record, rejected: Rejected) -> bytes:
    message = record.value[:_MAX_REJECTED_BYTES]
    return json.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "field": rejected.field,
            "reason": rejected.reason[:_MAX_REASON],
            "message_base64": base64.b64encode(message).decode(),
            "truncated": len(message) < len(record.value),
        }
    ).encode()


def _save(unit: CommandUnit, batch: _Batch, now_us: int) -> None:
    touched = [batch.campaigns[campaign_id] for campaign_id in batch.touched]
    unit.insert([campaign for campaign in touched if campaign.campaign_id not in batch.known])
    unit.update([campaign for campaign in touched if campaign.campaign_id in batch.known])
    unit.record(batch.outcomes, batch.rejected, now_us)
