"""ADS-16: a small tree in its layout, with every quirk it is known for."""

from pathlib import Path

import pytest

from marketplace.datafiles import DataFileError, Skipped
from simulator.users import Preferences, load_ads16

PREF = '"Most visited websites ";Most listened musics;Most watched movies;Most watched tv programmes;Most read books'
PART_1 = "ADS16_Benchmark_part1/ADS16_Benchmark_part1/Corpus/Corpus"
PART_2 = "ADS16_Benchmark_part2/ADS16_Benchmark_part2/Corpus/Corpus"


def person(root: Path, part: str, name: str, **files: str) -> None:
    folder = root / part / name
    folder.mkdir(parents=True)
    for suffix, content in files.items():
        (folder / f"{name}-{suffix.replace('_', '-')}.csv").write_text(content, encoding="utf-8", newline="")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    person(
        tmp_path,
        PART_1,
        "U0001",
        PREF=f"\ufeff\r\n\r\n{PREF}\r\n"
        '"maps, news (local, world)";Rock &amp; Roll, folk;"Up; down";quiz  show;"a\u2028b"\r\n',
        INF='\ufeffAge ; Gender;Home town\n31; F ;"Somewhere"\n',
        IM_POS="fave1;fave2;fave3\nU0009/1.png;U0009/2.png;U0009/3.png\nbeach; ;my dog\n",
        IM_NEG="unfave1;unfave2\nU0001/1.png;U0001/2.png\n",
        RT="Cat0;Cat1\nx;y\n1,2;3,4\n",
    )
    person(tmp_path, PART_2, "U0061", PREF=f"{PREF}\nchess;;;;\n", INF="Gender;Age\nM;40\n")
    person(tmp_path, PART_2, "U0062", PREF=f"{PREF}\n;;;;\n", INF="Gender\nM\n")
    person(tmp_path, PART_2, "U0063", PREF=f"{PREF}\n\n;;;;poems\n")
    person(tmp_path, PART_2 + "/copy", "U0061", PREF=f"{PREF}\nother;;;;\n")
    (tmp_path / PART_1 / "U0001" / "._U0001-PREF.csv").write_bytes(b"\0\5\26\7")
    return tmp_path


def test_every_quirk(tree: Path) -> None:
    skipped = Skipped()
    assert load_ads16(tree, skipped) == [
        Preferences(
            gender="F",
            websites="maps,news (local, world)",
            movies="Up; down",
            music="Rock & Roll,folk",
            program="quiz show",
            books="a b",
            negatives="",
            positives="beach,my dog",
        ),
        Preferences("M", "chess", "", "", "", "", "", ""),
        Preferences("", "", "", "", "", "poems", "", ""),
    ]
    assert sorted(skipped.lines()) == [
        "skipped 1 genders of ADS-16 people that are not F or M (the person is kept)",
        "skipped 1 people of ADS-16 that are there twice",
        "skipped 1 people of ADS-16 without preferences",
    ]


def test_one_part_alone_will_do(tree: Path) -> None:
    assert len(load_ads16(tree / PART_1, Skipped())) == 1


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="expected the ADS-16 folder"):
        load_ads16(tmp_path, Skipped())
    person(tmp_path, PART_1, "U0001", PREF=f"{PREF}\n")
    with pytest.raises(DataFileError, match="no person with preferences"):
        load_ads16(tmp_path, Skipped())
