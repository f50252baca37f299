"""The real command stream through the real ad manager, and the same stream once more."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from mesh import MakeMesh, Mesh
from sqlalchemy import select

from marketplace.clock import system_clock
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import reading
from stack.summary import campaign_counts, command_counts

STREAM: Final = Path(__file__).parents[2] / "../shared/data/campaign_stream/kafka_ads_output.csv"
# A repeat may fall into another slot, and is a later change.
CHANGES_WITH_TIME: Final = {"change_no", "created_us", "updated_us", "slot_no", "slot_budget_nanos"}


def campaigns(mesh: Mesh) -> list[dict[str, Any]]:
    lasting = [column for column in ads.c if column.name not in CHANGES_WITH_TIME]
    with reading(mesh.engine) as connection:
        return [dict(row) for row in connection.execute(select(*lasting).order_by(ads.c.campaign_id)).mappings()]


@pytest.mark.skipif(not STREAM.exists(), reason=f"real data is absent: {STREAM}")
def test_once_and_again(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.start("ad-manager")
    rebase = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"

    mesh.replay(STREAM, "--rebase", rebase)
    assert command_counts(mesh.engine, 0) == {
        "commands_applied": 7_677,
        "commands_repeated": 0,
        "commands_late": 0,
        "commands_rejected": 0,
    }
    assert campaign_counts(mesh.engine, system_clock()) == {"campaigns": 4_242, "campaigns_live": 2_110}
    first = campaigns(mesh)

    again_us = system_clock()
    mesh.replay(STREAM, "--rebase", rebase)
    again = command_counts(mesh.engine, again_us)
    assert (again["commands_applied"], again["commands_rejected"]) == (944, 0)
    assert again["commands_repeated"] + again["commands_late"] == 6_733
    assert campaigns(mesh) == first
