"""The commands of a campaign: what became of each, and those that are on their way."""

from typing import NamedTuple

from sqlalchemy import Engine, select

from marketplace.runtime.store.schema import commands, submitted_commands
from marketplace.runtime.store.transactions import reading


class CommandEntry(NamedTuple):
    """A command; `outcome` is empty while it is on its way."""

    command_id: str
    action: str
    outcome: str
    reason: str
    time_us: int


def read_history(engine: Engine, campaign_id: str, limit: int) -> list[CommandEntry]:
    """Returns a campaign's newest commands, the newest first. Raises Unavailable."""
    handled = select(commands).filter_by(campaign_id=campaign_id).order_by(commands.c.topic_offset.desc())
    submitted = select(submitted_commands).filter_by(campaign_id=campaign_id)
    with reading(engine) as connection:
        rows = connection.execute(handled.limit(limit)).all()
        newest_first = submitted.order_by(submitted_commands.c.submitted_us.desc()).limit(limit)
        pending = {row.command_id: row for row in connection.execute(newest_first)}
        of_these = commands.c.command_id.in_(pending)
        known = set(connection.execute(select(commands.c.command_id).where(of_these)).scalars())
    entries = [
        CommandEntry(row.command_id or "", row.action or "", row.outcome, row.reason, row.applied_us) for row in rows
    ]
    entries += [
        CommandEntry(row.command_id, row.action, "", "", row.submitted_us)
        for row in pending.values()
        if row.command_id not in known
    ]
    return sorted(entries, key=lambda entry: entry.time_us, reverse=True)[:limit]
