"""The real command stream and the real titles, where they are."""

import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admanager.stream import StreamCommand, Timed, clean_keywords, load_titles, read_commands, rebase
from admanager.stream.command import COLUMNS
from admanager.stream.window import TextWindow, read_window
from marketplace.datafiles import Skipped

DATA = Path(__file__).resolve().parents[3] / "../shared/data"
STREAM = DATA / "campaign_stream/kafka_ads_output.csv"
AMAZON = DATA / "amazon_ads/amazon_sample.tar.gz"
AT = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
AT_US = int(AT.timestamp()) * 1_000_000 + 700_000

needs_stream = pytest.mark.skipif(not STREAM.exists(), reason=f"real data is absent: {STREAM}")
needs_amazon = pytest.mark.skipif(not AMAZON.exists(), reason=f"real data is absent: {AMAZON}")


@pytest.fixture(scope="module")
def commands() -> list[StreamCommand]:
    return list(read_commands(STREAM))


def window_of(timed: Timed) -> TextWindow:
    window = read_window(timed.command.fields or {}, UTC)
    assert window is not None
    return window


@needs_stream
def test_every_record_is_a_command(commands: list[StreamCommand]) -> None:
    assert Counter(str((command.fields or {})["action"]) for command in commands) == {
        "New Campaign": 4_225,
        "Update Campaign": 1_320,
        "Stop Campaign": 2_132,
    }
    assert len({command.campaign_id for command in commands}) == 4_242
    assert all(tuple(command.fields or ()) == COLUMNS for command in commands)
    ranges = ("target_age_range", "date_range", "time_range")
    assert all(isinstance((command.fields or {})[name], dict) for command in commands for name in ranges)
    assert sum(not str((command.fields or {})["text"]).strip() for command in commands) == 3
    keywords = [str((command.fields or {})["keywords"]) for command in commands]
    assert sum(clean_keywords(one) != one for one in keywords) == 965
    assert max(len(part) for one in keywords for part in clean_keywords(one).split(",")) > 3


@needs_stream
def test_at_full_speed_every_window_opens_at_the_rebase_time(commands: list[StreamCommand]) -> None:
    moved = list(rebase(commands, AT_US))
    windows = [window_of(timed) for timed in moved]
    assert len(moved) == 7_677
    assert {timed.time_us for timed in moved} == {AT_US}
    assert {window.start for window in windows} == {AT.replace(microsecond=0)}
    slots = [(window.end - window.start) / timedelta(minutes=10) for window in windows]
    assert (min(slots), max(slots)) == (6, 282)
    originals = [window_of(Timed(0, command)) for command in commands]
    assert [one.end - one.start for one in originals] == [one.end - one.start for one in windows]


@needs_stream
def test_at_a_speed_each_window_opens_when_its_campaign_is_due(commands: list[StreamCommand]) -> None:
    moved = list(rebase(commands, AT_US, 3_600))
    opens: dict[str, datetime] = {}
    for timed in moved:
        due = datetime.fromtimestamp(timed.time_us // 1_000_000, UTC)
        assert window_of(timed).start == opens.setdefault(timed.command.campaign_id, due)
    span = timedelta(microseconds=moved[-1].time_us - moved[0].time_us)
    assert timedelta(seconds=53) < span < timedelta(seconds=54)
    assert [timed.time_us for timed in moved] == sorted(timed.time_us for timed in moved)


@needs_stream
def test_a_second_replay_sends_the_same_bytes(commands: list[StreamCommand]) -> None:
    again = (timed.command.value() for timed in rebase(read_commands(STREAM), AT_US))
    assert [timed.command.value() for timed in rebase(commands, AT_US)] == list(again)


@needs_amazon
def test_the_real_titles(tmp_path: Path) -> None:
    with tarfile.open(AMAZON) as archive:
        archive.extractall(tmp_path, filter="data")
    skipped = Skipped()
    told: list[tuple[int, int | None]] = []
    titles = load_titles(tmp_path, skipped, lambda done, of: told.append((done, of)))
    assert len(titles) == len({title.text for title in titles}) == 17_940
    assert skipped.counts == {"titles that are there twice": 2_960, "repeated header lines": 7, "blank records": 1}
    assert told[-1] == (524, 524)
    assert {title.category for title in titles} == {
        "Arts & Crafts",
        "Clothing & Accessories",
        "Computer",
        "Electronics",
        "Home & Kitchen",
        "Sports & Fitness",
        "Tools & Hardware",
    }
    assert all(title.keywords and "\n" not in title.text for title in titles)
