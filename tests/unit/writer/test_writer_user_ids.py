"""Users' ids in the archive: a keyed hash, unless told otherwise."""

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from writer_cases import event, serve

from marketplace.runtime.settings import BadSettingError
from writer.__main__ import WriterSettings
from writer.rows import feedback_table, served_table
from writer.user_ids import hashed, load_or_create_key, plain


def test_the_hash_is_one_per_user_and_key() -> None:
    first, second = hashed(b"a" * 32), hashed(b"b" * 32)
    assert first("u1") == first("u1") == "1df5b1cb301bfe3f032f6e4358e8ca47"
    assert len({first("u1"), first("u2"), first("U1"), second("u1")}) == 4
    assert first("") == ""
    assert plain("u1") == "u1"


def test_rows_hold_the_hash_and_nothing_else_is_changed() -> None:
    conceal = hashed(b"a" * 32)
    for rows, concealed in (
        (feedback_table([event(1)]), feedback_table([event(1)], conceal)),
        (served_table([serve(1)]), served_table([serve(1)], conceal)),
    ):
        assert rows["user_id"].to_pylist() == ["u1"]
        assert concealed["user_id"].to_pylist() == [conceal("u1")]
        assert rows.drop(["user_id"]) == concealed.drop(["user_id"])
        assert b"u1" not in b"".join(str(column.to_pylist()).encode() for column in concealed.columns)


def test_they_are_hashed_unless_settings_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USER_IDS", raising=False)
    assert WriterSettings().user_ids == "hashed"
    assert WriterSettings(user_ids="plain").user_ids == "plain"


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_writers_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        keys = pool.map(load_or_create_key, [tmp_path / "key"] * 6)
    assert len(set(keys)) == 1


@pytest.mark.parametrize("content", ["", "{}", "[]", json.dumps({"key": "xy"}), json.dumps({"key": "ab"})])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    with pytest.raises(BadSettingError, match="USER_ID_KEY") as problem:
        load_or_create_key(path)
    assert "xy" not in str(problem.value)
