"""The users file, and telling by its header what a file is."""

from itertools import count, islice
from pathlib import Path

import pytest

from marketplace.datafiles import PROGRESS_EVERY, DataFileError, Skipped
from simulator.users import (
    COLUMNS,
    Kind,
    User,
    build_users,
    detect,
    open_users,
    read_users_file,
    write_users_file,
)

REAL_ADVERTISING = Path(__file__).resolve().parents[3] / "../shared/data/advertising/advertising.csv"
ODD = User("1-2", 30, "F", 1.5, "L", 'agent "x"|y', "iPhone", "a,b", "two\nlines", "", "ü", "", "", "")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path, skipped = tmp_path / "users.csv", Skipped()
    users = [ODD, *build_users(500, seed=1)]
    assert write_users_file(path, users) == 501
    assert list(read_users_file(path, skipped)) == users
    assert skipped.lines() == []
    assert path.read_text(encoding="utf-8").splitlines()[0] == "|".join(COLUMNS)


def test_progress_is_told_on_the_way_and_at_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    total = PROGRESS_EVERY + 5
    write_users_file(tmp_path / "u", build_users(total, 1), lambda done, of: told.append((done, of)))
    assert told == [(PROGRESS_EVERY, None), (total, total)]


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> object:
        yield ODD
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_users_file(tmp_path / "users.csv", failing())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_files_from_elsewhere(tmp_path: Path) -> None:
    path, skipped = tmp_path / "users_500k.csv", Skipped()
    rows = [
        "\ufeff\r",
        "AGE|id|gender|income_bucket|device_type\r",
        "31.0| 1-1 |female|High|iPhone\r",
        "32|1-2|M|L|\r",
        "|1-3|M|L|\r",
        "31|1-4|?|L|\r",
        "31|1-5|M||\r",
        "31||M|L|\r",
        "31|1111-1111-1111-1111|M|L|\r",
        "31|1-6|M\r",
    ]
    path.write_text("\n".join(rows), encoding="utf-8", newline="")
    users = list(read_users_file(path, skipped))
    assert [(user.id, user.age, user.gender, user.income_bucket, user.device_type) for user in users] == [
        ("1-1", 31, "F", "H", "iPhone"),
        ("1-2", 32, "M", "L", ""),
    ]
    assert skipped.lines() == [
        "skipped 2 values of internet_usage that are not numbers (taken as 0)",
        "skipped 1 rows without a usable age",
        "skipped 1 rows without a usable gender (F or M)",
        "skipped 1 rows without a usable income_bucket (L, M or H)",
        "skipped 2 rows without an id, or with the privacy id",
        "skipped 1 rows with more or fewer columns than the header",
    ]


def test_a_users_file_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    write_users_file(path, build_users(50_000, 1))
    read = read_users_file(path, Skipped())
    first = list(islice(read, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert first == list(islice(build_users(50_000, 1), 3))
    assert sum(1 for _ in zip(read, count(), strict=False)) < 49_997


def test_kinds_are_seen_from_the_header(tmp_path: Path) -> None:
    users, advertising, ads16 = tmp_path / "x.csv", tmp_path / "y.csv", tmp_path / "z"
    write_users_file(users, [ODD])
    advertising.write_text("\nAge,Area Income,Daily Internet Usage,Male\n31,5,5,1\n32,6,5,0\n", encoding="utf-8")
    (ads16 / "U0001").mkdir(parents=True)
    (ads16 / "U0001" / "U0001-PREF.csv").write_text("Most read books\npoems\n", encoding="utf-8")
    assert [detect(path) for path in (users, advertising, ads16)] == [Kind.USERS_FILE, Kind.ADVERTISING, Kind.ADS16]
    assert list(open_users(users, 1, Skipped())) == [ODD]
    assert [user.age for user in open_users(advertising, 1, Skipped())] == [31, 32]
    with pytest.raises(DataFileError, match="preferences of ADS-16, not users; expected a users file"):
        open_users(ads16, 1, Skipped())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("TV,Radio,Newspaper,Sales\n1,2,3,4\n", "expected a users file"),
        ("id,age,gender\n1,2,F\n", "expected a users file"),
        ("", "is empty"),
    ],
)
def test_a_wrong_file_is_refused_at_once(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(content, encoding="utf-8")
    for read in (detect, lambda path: open_users(path, 1, Skipped()), lambda path: read_users_file(path, Skipped())):
        with pytest.raises(ValueError, match=rf"wrong\.csv: {says}"):
            read(path)


def test_detect_knows_the_unrelated_file_and_names_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "advertising.csv"
    path.write_text("TV,Radio,Newspaper,Sales\n1,2,3,4\n", encoding="utf-8")
    with pytest.raises(
        DataFileError, match=r"or Kaggle Advertising .* 'TV,Radio,Newspaper,Sales' of an unrelated data"
    ):
        detect(path)
    with pytest.raises(DataFileError, match=f"{tmp_path}: expected the ADS-16 folder"):
        detect(tmp_path)


@pytest.mark.skipif(not REAL_ADVERTISING.exists(), reason=f"real data is absent: {REAL_ADVERTISING}")
def test_the_real_advertising_rows_become_users() -> None:
    users = list(open_users(REAL_ADVERTISING, 1, Skipped()))
    assert len({user.id for user in users}) == 1_000
    assert (users[0].age, users[0].gender, users[0].internet_usage) == (35, "F", 256.09)
    assert users == list(open_users(REAL_ADVERTISING, 1, Skipped()))
