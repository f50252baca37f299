"""Amazon titles: a small tree with every quirk of the data set."""

from pathlib import Path

import pytest

from admanager.stream import Title, load_titles
from marketplace.datafiles import DataFileError, Skipped

INNER = "amazons-advertisements/scrapped_data/scrapped_data"


def put(root: Path, name: str, content: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())


def test_every_quirk(tmp_path: Path) -> None:
    long = '"Pan\r\n' + "Pot, large\r\n" * 12_000 + '"'
    put(tmp_path, f"{INNER}/pets/amazon_pets_birds.csv", "\ufeffad\r\nSeed 🐦\r\n\r\nad\r\n  \r\nSeed 🐦\r\nBell\r\n")
    put(tmp_path, f"{INNER}/industrial-scientific/amazon_x_rv-parts.csv", '\tad\n"Two\r\nlines ,  one"\nBell\n')
    put(tmp_path, f"{INNER}/sports-outdoors/fitness/team/amazon_fitness_tennis.csv", f"a\nBall, pack of 3\n{long}\n")
    put(tmp_path, f"{INNER}/amazon_smart-home.csv", "ad\nLamp\n")
    put(tmp_path, f"{INNER}/weird/w.csv", "ad\nThing\n")
    put(tmp_path, "amazons-advertisements/notes.csv", "file,category\nx,y\n")
    put(tmp_path, "amazons-advertisements/empty.csv", "")
    skipped = Skipped()
    told: list[tuple[int, int | None]] = []
    assert load_titles(tmp_path, skipped, lambda done, of: told.append((done, of))) == [
        Title("Lamp", "Home & Kitchen", "smart,home"),
        Title("Two lines , one", "Tools & Hardware", "parts"),
        Title("Bell", "Tools & Hardware", "parts"),
        Title("Seed 🐦", "Home & Kitchen", "pets,birds"),
        Title("Ball, pack of 3", "Sports & Fitness", "fitness,tennis"),
        Title("Thing", "Other", "w"),
    ]
    assert skipped.counts == {
        "CSV files without the header ad": 2,
        "titles that are there twice": 2,
        "blank records": 2,
        "repeated header lines": 1,
        "records longer than 500 characters (many titles run together)": 1,
    }
    assert told == [(done, 7) for done in range(1, 8)]


def test_one_file_or_an_inner_folder_will_do(tmp_path: Path) -> None:
    put(tmp_path, "pets/amazon_pets_birds.csv", "ad\nBell\n")
    expected = [Title("Bell", "Home & Kitchen", "pets,birds")]
    assert load_titles(tmp_path, Skipped()) == expected
    assert load_titles(tmp_path / "pets/amazon_pets_birds.csv", Skipped()) == expected


def test_a_folder_without_titles_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "advertising.csv", "TV,Radio\n1,2\n")
    for path in (tmp_path, tmp_path / "advertising.csv", tmp_path / "none"):
        with pytest.raises(DataFileError, match=rf"{path.name}: no title found; expected the folder amazons"):
            load_titles(path, Skipped())
