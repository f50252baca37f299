"""What someone has tampered with is found: each time on a copy of one settled state."""

import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from campaigns import ACQUISITION, CPA, VIEW, Advertiser
from mesh import Backend, Mesh, allowed_s

from marketplace.archive_layout import FileName
from marketplace.runtime.archive.open import open_archive
from marketplace.runtime.log.open import open_log
from marketplace.runtime.store.engine import open_engine
from reporting import reconcile_cli
from reporting.summary import ReconciliationSummary

ROUNDS: Final = 3


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a mesh that has archived one campaign's events in three files and has been stopped."""
    folder = tmp_path_factory.mktemp("settled")
    mesh = Mesh(folder, Backend.embedded(folder), {})
    try:
        mesh.start()
        mine = Advertiser.create(mesh, budget_nanos=100 * 10**9)
        for _ in range(ROUNDS):
            ad = mine.serve_soon(allowed_s(1.0))
            mine.act(ad, VIEW)
            mine.act(ad, ACQUISITION)
            mesh.settle()
        left = mesh.stop_all()
        assert {stopped.exit_code for stopped in left.values()} == {0}
        assert mesh.reconciled().archived_nanos == ROUNDS * CPA
        assert len(archived(folder)) >= ROUNDS
    finally:
        mesh.close()
    return folder


def archived(folder: Path) -> list[Path]:
    """Returns the files of user_feedback, oldest first."""
    files = folder.glob("archive/user_feedback/dt=*/hour=*/[!_.]*.parquet")
    return sorted(files, key=lambda path: path.name)


def change_store(sql: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "store.db")) as store, store:
            assert store.execute(sql).rowcount >= 1

    return change


def delete_first_file(folder: Path) -> None:
    archived(folder)[0].unlink()


def delete_newest_file(folder: Path) -> None:
    archived(folder)[-1].unlink()


def copy_first_file(folder: Path) -> None:
    first = archived(folder)[0]
    shutil.copy(first, first.with_name("copy.parquet"))


def copy_first_file_elsewhere(folder: Path) -> None:
    first = archived(folder)[0]
    (folder / "archive/user_feedback/dt=2001-01-01/hour=00").mkdir(parents=True)
    shutil.copy(first, folder / "archive/user_feedback/dt=2001-01-01/hour=00" / first.name)


FINDINGS: Final[dict[str, tuple[Callable[[Path], None], str, Callable[[ReconciliationSummary], bool]]]] = {
    "an archived file is gone": (delete_first_file, "are missing in the archive", lambda found: found.gaps >= 1),
    "an archived file is there twice": (copy_first_file, "in the archive twice", lambda found: found.twice >= 1),
    "it is there twice, in another hour": (
        copy_first_file_elsewhere,
        "in the archive twice",
        lambda found: found.twice >= 1,
    ),
    "a charge of the ledger is another": (
        change_store("UPDATE ledger SET charged_nanos = charged_nanos + 1 WHERE charged_nanos > 0 AND event_seq = 2"),
        "differ from the ledger's by -0.000000001",
        lambda found: found.difference_nanos == -1,
    ),
    "a row of the ledger is gone": (
        change_store("DELETE FROM ledger WHERE event_seq = 2"),
        "the ledger holds 5 events, the campaign has counted 6",
        lambda found: found.difference_nanos == CPA,
    ),
    "spent is less": (
        change_store("UPDATE ads SET spent_nanos = spent_nanos - 1"),
        "the ledger's total is 0.12",
        lambda found: found.difference_nanos == 0,
    ),
    "spent is above every budget": (
        change_store("UPDATE ads SET highest_budget_nanos = 1"),
        "of at most 0.000000001",
        lambda found: found.overspent_campaigns == 1,
    ),
    "the campaign is gone": (
        change_store("DELETE FROM ads"),
        "differ from the ledger's",
        lambda found: found.difference_nanos == ROUNDS * CPA,
    ),
}


def look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ReconciliationSummary, int]:
    """Returns what reconcile finds, and the exit code of its program."""
    backend = Backend.embedded(folder)
    archive, topics = open_archive(backend.archive_url), open_log(backend.log_url)
    found = reconcile_cli.reconcile(open_engine(backend.store_url), topics, archive)
    urls = ("--store-url", backend.store_url, "--log-url", backend.log_url, "--archive-url", backend.archive_url)
    monkeypatch.setattr(sys, "argv", ["reconcile", *urls])
    with pytest.raises(SystemExit) as ended:
        reconcile_cli.main()
    topics.close()
    archive.catalog.close()
    return found, int(str(ended.value.code))


@pytest.fixture
def tampered(settled: Path, tmp_path: Path) -> Path:
    shutil.copytree(settled, tmp_path / "state")
    return tmp_path / "state"


def test_nothing_is_found_where_nothing_is_wrong(tampered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, exit_code = look(tampered, monkeypatch)
    assert (found.ok, found.findings, exit_code) == (True, [], 0)


@pytest.mark.parametrize("what", FINDINGS)
def test_it_is_found(tampered: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    tamper, sentence, figures_tell = FINDINGS[what]
    tamper(tampered)
    found, exit_code = look(tampered, monkeypatch)
    assert (found.ok, exit_code) == (False, 1)
    assert sentence in "\n".join(found.findings)
    assert figures_tell(found), found


def test_a_lost_newest_file_is_not_lost_while_the_topic_has_it(tampered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [FileName.parse(path.name) for path in archived(tampered)]
    assert names == sorted(names, key=lambda name: name.start)
    delete_newest_file(tampered)
    found, exit_code = look(tampered, monkeypatch)
    assert (found.ok, found.in_flight_events > 0, exit_code) == (True, True, 0)
