"""What a run did, in figures: var/report/summary.json."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, and_, func, select

from marketplace.campaign import Status
from marketplace.runtime.store.schema import ads, commands
from marketplace.runtime.store.transactions import reading


def command_counts(engine: Engine, since_us: int) -> dict[str, int]:
    """Returns how many commands of each outcome were handled since an instant."""
    with reading(engine) as connection:
        statement = select(commands.c.outcome, func.count()).where(commands.c.applied_us >= since_us)
        counts = {row[0]: row[1] for row in connection.execute(statement.group_by(commands.c.outcome))}
    names = {"applied": "applied", "repeated": "repeat", "late": "late", "rejected": "rejected"}
    return {f"commands_{name}": counts.get(outcome, 0) for name, outcome in names.items()}


def campaign_counts(engine: Engine, now_us: int) -> dict[str, int]:
    """Returns how many campaigns there are, and how many of them are active with an open window."""
    live = and_(ads.c.status == Status.ACTIVE.value, ads.c.start_us <= now_us, ads.c.end_us > now_us)
    with reading(engine) as connection:
        total = connection.execute(select(func.count()).select_from(ads)).scalar_one()
        return {
            "campaigns": total,
            "campaigns_live": connection.execute(select(func.count()).select_from(ads).where(live)).scalar_one(),
        }


def summarize(
    counts: dict[str, int], simulated: dict[str, Any], reconciled: dict[str, Any], started_s: float
) -> dict[str, Any]:
    """Puts the figures of a run together. `started_s` is when its first process was started, in epoch seconds."""
    first_ad_at = simulated["first_ad_at"]
    return {
        **counts,
        **{name: simulated[name] for name in ("serves", "no_ads", "feedbacks", "repeats")},
        "ledger_nanos": reconciled["ledger_nanos"],
        "archived_nanos": reconciled["archived_nanos"],
        "difference_nanos": reconciled["difference_nanos"],
        "overspent_campaigns": reconciled["overspent_campaigns"],
        **{name: simulated[name] for name in ("ads_per_second", "serve_p50_ms", "serve_p99_ms")},
        "seconds_to_first_ad": None if first_ad_at is None else round(first_ad_at - started_s, 3),
    }


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Writes the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
