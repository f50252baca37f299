"""Data files: what is no file, what is left out, and files that appear whole or not at all."""

from pathlib import Path

import pytest

from marketplace.datafiles import DataFileError, Skipped, csv_records, first_line, write_whole


def test_first_line_skips_blank_lines_and_the_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf\r\n  \r\na,b\r\n1,2\r\n")
    assert first_line(path) == "a,b"


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"\n \n", "is empty"), (b"PK\x03\x04zip", "unpack"), (b"\x1f\x8bgz", "unpack")],
)
def test_first_line_says_what_a_file_is_instead(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=rf"a\.csv.*{says}"):
        first_line(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"none\.csv: cannot be read"):
        first_line(tmp_path / "none.csv")
    with pytest.raises(DataFileError, match="cannot be read"):
        first_line(tmp_path)


def test_csv_records_know_their_first_line() -> None:
    lines = ["a\n", '"b\n', 'c"\n', "d\n"]
    assert list(csv_records(lines, Path("x"))) == [(1, ["a"]), (2, ["b\nc"]), (4, ["d"])]


def test_a_quotation_mark_left_open_is_reported_with_its_line() -> None:
    lines = ["a\n", '"open\n', *["text " * 1000 + "\n"] * 300]
    with pytest.raises(DataFileError, match="x, line 2: is not proper CSV"):
        list(csv_records(lines, Path("x")))


def test_skipped_says_one_line_per_kind() -> None:
    skipped = Skipped()
    skipped.add("rows without an age")
    skipped.add("blank rows", 1_200)
    skipped.add("rows without an age")
    assert skipped.lines() == ["skipped 2 rows without an age", "skipped 1,200 blank rows"]


def _write_half(path: Path) -> None:
    with write_whole(path) as file:
        file.write("half")
        raise RuntimeError


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.txt"
    with write_whole(path) as file:
        file.write("grüße\n")
        assert not path.exists()
    assert path.read_bytes() == "grüße\n".encode()
    with pytest.raises(RuntimeError):
        _write_half(path)
    assert path.read_bytes() == "grüße\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["out.txt"]
