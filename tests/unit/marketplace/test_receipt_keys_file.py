"""The receipt keys' file: changed by one process at a time, followed by its users, readable by its owner only."""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from marketplace.errors import ReceiptInvalid
from marketplace.receipt import ReceiptKey, new_key
from marketplace.runtime import keys
from marketplace.runtime.keys import FollowedRing, change_keys, create_ring, load_keys
from marketplace.runtime.settings import BadSettingError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "receipt-keys.json"
    assert create_ring(path, 0)
    return path


def with_another(before: Sequence[ReceiptKey]) -> list[ReceiptKey]:
    return [*before, new_key(1)]


def until(done: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_change_keeps_the_files_mode_and_leaves_nothing_beside_it(path: Path) -> None:
    assert mode(path) == 0o600
    path.chmod(0o640)
    before = load_keys(path)
    assert change_keys(path, with_another)
    assert load_keys(path)[:1] == before
    assert mode(path) == 0o640
    assert {each.name for each in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}


def test_what_changes_nothing_writes_nothing(path: Path) -> None:
    written = path.stat().st_mtime_ns
    assert not change_keys(path, lambda before: before)
    assert path.stat().st_mtime_ns == written


def test_a_change_that_fails_leaves_the_file_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        change_keys(path, lambda _: (_ for _ in ()).throw(RuntimeError()))
    assert path.read_bytes() == before


def test_of_several_processes_none_loses_anothers_change(path: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    changers = [spawn.Process(target=change_keys, args=(path, with_another)) for _ in range(8)]
    for changer in changers:
        changer.start()
    for changer in changers:
        changer.join(30)
    assert [changer.exitcode for changer in changers] == [0] * 8
    assert len(load_keys(path)) == 9


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', '{"keys": [{"key_id": "00", "secret": "geheim"}]}', "[1]"])
def test_what_is_no_key_file_is_named_and_not_shown(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(BadSettingError, match="RECEIPT_KEYS") as problem:
        load_keys(path)
    assert "geheim" not in str(problem.value)


def test_a_ring_follows_its_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_FOLLOW_S", 0.01)
    followed = FollowedRing(path)
    stop = threading.Event()
    thread = threading.Thread(target=followed.run, args=(stop,))
    thread.start()
    try:
        old = followed.ring.seal(b"serve", 0)
        change_keys(path, with_another)
        until(lambda: followed.ring.seal(b"serve", 1)[1:5] != old[1:5])
        assert followed.ring.open(old) == b"serve"
        change_keys(path, lambda both: both[1:])
        until(lambda: refuses(followed, old))
    finally:
        stop.set()
        thread.join(5)


def test_a_file_that_cannot_be_read_changes_nothing(path: Path) -> None:
    followed = FollowedRing(path)
    sealed = followed.ring.seal(b"serve", 0)
    whole = json.loads(path.read_text())
    for broken in ("", json.dumps({"keys": []}), json.dumps(whole)[:-9]):
        path.write_text(broken)
        assert followed.reload().open(sealed) == b"serve"
    path.unlink()
    assert followed.reload().open(sealed) == b"serve"


def refuses(followed: FollowedRing, receipt: bytes) -> bool:
    try:
        followed.ring.open(receipt)
    except ReceiptInvalid:
        return True
    return False


def test_keys_are_replaced_while_others_seal_and_open(path: Path) -> None:
    followed = FollowedRing(path)
    base = load_keys(path)
    stop, problems = threading.Event(), []

    def use() -> None:
        try:
            while not stop.is_set():
                assert followed.ring.open(followed.ring.seal(b"serve", 0)) == b"serve"
        except Exception as problem:
            problems.append(problem)

    users = [threading.Thread(target=use) for _ in range(2)]
    for user in users:
        user.start()
    for _ in range(300):
        followed.ring.renew([*base, new_key(5)])
    stop.set()
    for user in users:
        user.join(10)
    assert problems == []
