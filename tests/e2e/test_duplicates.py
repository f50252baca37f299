"""What users send twice, and what never comes: the bill does not care."""

from pathlib import Path

from campaigns import write_stream
from load import under_load
from mesh import Mesh

from simulator.behaviour import Habits


def test_the_bill_does_not_care_for_duplicates_and_lost_feedback(mesh: Mesh, tmp_path: Path) -> None:
    mesh.replay(write_stream(tmp_path / "commands.jsonl"), "--rebase", "now")
    with under_load(mesh, habits=Habits(ad_count=2, think_s=0.02, duplicates=0.3, lost=0.1)) as load:
        load.await_feedback(1_500, within_s=60)
    stats = load.stats
    assert stats.failed == 0, stats.errors
    assert stats.repeats > 100, "hardly any duplicates were sent"
    assert load.acknowledged.contradictions == []

    assert mesh.ledger() == load.acknowledged.charged_nanos
    assert sum(mesh.ledger().values()) == stats.charged_nanos > 0
    mesh.settle()
    found = mesh.reconciled()
    assert found.ledger_nanos == found.archived_nanos == stats.charged_nanos
    assert found.archived_events == stats.feedbacks - stats.repeats
