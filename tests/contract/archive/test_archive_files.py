"""The contract of `ports.ArchiveFiles`, on a local folder."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from marketplace.archive_layout import Epoch, read_epoch, write_epoch
from marketplace.runtime.archive.files import LocalFiles


@pytest.fixture
def files(tmp_path):
    return LocalFiles(tmp_path)


def put(files, name, content=b"x"):
    aside = files.write_aside(name, lambda sink: sink.write(content))
    assert files.publish(aside, name)


def content(files, name):
    with files.open(name) as source:
        return source.read()


def test_what_is_aside_is_not_listed_and_names_its_process(files):
    aside = files.write_aside("t/dt=1/a", lambda sink: sink.write(b"x"))
    assert aside.startswith("t/dt=1/_")
    assert f"-{os.getpid()}-" in aside
    assert files.list("t") == []


def test_published_files_are_listed_sorted_below_their_folder(files):
    for name in ("t/b/2", "t/a/9", "t/1", "u/a"):
        put(files, name)
    for hidden in ("t/_hidden", "t/.hidden", "t/_folder/a", "t/.folder/a"):
        put(files, hidden)
    assert files.list("t") == ["t/1", "t/a/9", "t/b/2"]
    assert files.list("t/_folder") == ["t/_folder/a"]
    assert files.list("nothing") == []


def test_a_taken_name_is_left_alone(files):
    put(files, "a", b"first")
    aside = files.write_aside("a", lambda sink: sink.write(b"second"))
    assert files.publish(aside, "a") is False
    assert content(files, "a") == b"first"
    files.discard(aside)
    files.discard(aside)  # harmless
    assert files.list("") == ["a"]


def test_of_many_that_publish_one_name_one_succeeds(files):
    asides = [files.write_aside("a", lambda sink, n=n: sink.write(b"%d" % n)) for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda aside: files.publish(aside, "a"), asides))
    assert published.count(True) == 1
    assert content(files, "a") == b"%d" % published.index(True)


def test_two_in_one_process_do_not_meet_aside(tmp_path):
    """Neither may write over the other's file, nor remove it when its own call fails."""
    pairs = [(LocalFiles(tmp_path), b"%d" % number) for number in range(2)]
    asides = [files.write_aside("a", lambda sink, text=text: sink.write(text)) for files, text in pairs]
    assert [(tmp_path / aside).read_bytes() for aside in asides] == [b"0", b"1"]


def test_replace_takes_the_place_of_what_was_there(files, tmp_path):
    put(files, "a", b"first")
    files.replace(files.write_aside("a", lambda sink: sink.write(b"second")), "a")
    assert content(files, "a") == b"second"
    assert os.listdir(tmp_path) == ["a"]


def test_a_failed_write_leaves_nothing(files, tmp_path):
    def fail(sink):
        sink.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        files.write_aside("t/a", fail)
    assert os.listdir(tmp_path / "t") == []


def test_what_was_answered_was_made_durable_first(files, monkeypatch):
    """fsync of the file before it gets its name, of the folder before the answer."""
    calls = []
    fsync, link = os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("folder" if _is_folder(fd) else "file"), fsync(fd)))
    monkeypatch.setattr(os, "link", lambda *names, **options: (calls.append("link"), link(*names, **options)))
    put(files, "t/a")
    assert calls == ["folder", "file", "link", "folder"]  # the new folder `t` in its parent first


def _is_folder(descriptor):
    return os.path.isdir(f"/proc/self/fd/{descriptor}")


def test_only_old_leftovers_of_dead_processes_are_swept(files, tmp_path):
    script = (
        "import sys, pathlib; from marketplace.runtime.archive.files import LocalFiles; "
        "LocalFiles(pathlib.Path(sys.argv[1])).write_aside('t/a', lambda sink: sink.write(b'x'))"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, timeout=60)
    (dead,) = (tmp_path / "t").iterdir()
    own = files.write_aside("t/a", lambda sink: sink.write(b"x"))
    put(files, "t/b")
    (tmp_path / "t" / "_SUCCESS").touch()
    for path in (tmp_path / "t").iterdir():
        os.utime(path, (0, 0))
    other_host = dead.with_name(dead.name.replace("_aside-", "_aside-elsewhere."))
    os.link(dead, other_host)

    before = tmp_path / re.sub(
        f"-{os.getpid()}-[0-9a-f]+-", f"-{os.getpid()}-00000000-", own
    )  # an earlier run, same pid
    os.link(dead, before)

    young = dead.with_name(dead.name + ".young")
    young.touch()
    assert files.sweep("t", older_than_s=60.0) == 2
    assert not dead.exists()
    assert not before.exists()
    assert all(path.exists() for path in (tmp_path / own, young, other_host, tmp_path / "t/b", tmp_path / "t/_SUCCESS"))
    assert files.sweep("nothing", 60.0) == 0


def test_a_folder_that_is_away_is_an_error(tmp_path):
    files = LocalFiles(tmp_path / "unmounted")
    with pytest.raises(FileNotFoundError, match="is not there"):
        files.list("t")
    with pytest.raises(FileNotFoundError):
        files.write_aside("t/a", lambda sink: sink.write(b"x"))


def test_epochs_are_numbered_and_each_begins_once(files):
    assert read_epoch(files, "t") == Epoch(0, {})
    assert write_epoch(files, "t", Epoch(1, {0: 5, 1: 7}))
    assert not write_epoch(files, "t", Epoch(1, {0: 9}))
    assert read_epoch(files, "t") == Epoch(1, {0: 5, 1: 7})
    assert write_epoch(files, "t", Epoch(2, {}))
    assert read_epoch(files, "t") == Epoch(2, {})
    assert files.list("t") == []
    assert files.list("t/_epochs") == ["t/_epochs/001.json", "t/_epochs/002.json"]
    assert content(files, "t/_epochs/001.json") == b'{"partitions": {"0": 5, "1": 7}}'


def test_what_is_removed_is_gone_with_the_folders_that_it_leaves_empty(files, tmp_path):
    for name in ("t/a/1", "t/a/2", "t/b/1"):
        put(files, name)
    for name in ("t/a/1", "t/a/1", "t/b/1", "nowhere/1"):
        files.remove(name)
    assert files.list("") == ["t/a/2"]
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["a"]
    put(files, "t/b/1")
    assert files.list("") == ["t/a/2", "t/b/1"]
