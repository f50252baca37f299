"""Kaggle Advertising in all the shapes that people have it."""

from collections import Counter
from pathlib import Path

import pytest

from marketplace.datafiles import DataFileError, Skipped
from simulator.users import Demographics, load_advertising

REAL = Path(__file__).resolve().parents[3] / "../shared/data/advertising/advertising.csv"
HEADER = (
    "Daily Time Spent on Site,Age,Area Income,Daily Internet Usage,Ad Topic Line,City,Male,Country,Timestamp,"
    "Clicked on Ad"
)
ROWS = (
    '70.5,31,30000.5,120.25,"One, two",Anytown,0,Chad,2016-05-01 10:00:00,0',
    "60.5,40,50000,200,Three,Anytown,1,Peru,5/2/2016 9:30,1",
    "50.5,22,70000.5,150.5,Four,Anytown,1,Fiji,03.05.16,1",
)
EXPECTED = [
    Demographics(31, "F", 120.25, "L"),
    Demographics(40, "M", 200.0, "M"),
    Demographics(22, "M", 150.5, "H"),
]


def load(path: Path, content: str | bytes, skipped: Skipped | None = None) -> list[Demographics]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_advertising(path, skipped or Skipped())


@pytest.mark.parametrize("before", ["", "\n", "\ufeff", "\ufeff\r\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_blank_line_byte_order_mark_and_line_ends(tmp_path: Path, before: str, line_end: str) -> None:
    content = before + line_end.join((HEADER, *ROWS)) + line_end
    assert load(tmp_path / "a.csv", content) == EXPECTED


def test_copies_with_other_columns_separators_and_number_formats(tmp_path: Path) -> None:
    content = (
        "Male;AGE;Daily Internet Usage ;Area Income\n0;31.0;120.25;30000.5\n1;40;200;50000\n1.0;22;150.504;70000\n"
    )
    assert load(tmp_path / "a.csv", content) == EXPECTED


def test_rows_that_cannot_be_used_are_counted_by_kind(tmp_path: Path) -> None:
    bad = [
        "1,-25,1,1,x,x,0,x,x,0",
        "1,999,1,1,x,x,0,x,x,0",
        "1,,1,1,x,x,0,x,x,0",
        "1,30,nan,1,x,x,0,x,x,0",
        "1,30,1,-1,x,x,0,x,x,0",
        "1,30,1,1,x,x,2,x,x,0",
        "1,30",
        "",
    ]
    skipped = Skipped()
    assert load(tmp_path / "a.csv", "\n".join((HEADER, *bad, *ROWS)), skipped) == EXPECTED
    assert skipped.lines() == [
        "skipped 3 rows without a usable Age",
        "skipped 1 rows without a usable Area Income",
        "skipped 1 rows without a usable Daily Internet Usage",
        "skipped 1 rows without a usable Male (0 or 1)",
        "skipped 1 rows with too few columns",
    ]


def test_the_unrelated_file_of_the_same_name_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"advertising\.csv: expected Kaggle Advertising .*unrelated data set"):
        load(tmp_path / "advertising.csv", ",TV,Radio,Newspaper,Sales\n1,230.1,37.8,69.2,22.1\n")


def test_another_file_and_one_without_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="found the header 'a,b'"):
        load(tmp_path / "a.csv", "a,b\n1,2\n")
    with pytest.raises(DataFileError, match="no usable row"):
        load(tmp_path / "a.csv", HEADER + "\n")


@pytest.mark.skipif(not REAL.exists(), reason=f"real data is absent: {REAL}")
def test_the_real_file() -> None:
    skipped = Skipped()
    people = load_advertising(REAL, skipped)
    assert len(people) == 1_000
    assert skipped.lines() == []
    assert people[0] == Demographics(35, "F", 256.09, "M")
    assert all(333 <= count <= 334 for count in Counter(person.income_bucket for person in people).values())
