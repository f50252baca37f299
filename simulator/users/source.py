"""Users from whatever file is given: which kind it is, is seen from its header."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from marketplace.datafiles import DataFileError, Skipped, first_line
from simulator.users import demographics, preferences, users_file
from simulator.users.build import users_of
from simulator.users.user import User


class Kind(StrEnum):
    """The kinds of data that users come from."""

    USERS_FILE = "users file"
    ADVERTISING = "Advertising"
    ADS16 = "ADS-16"


def detect(path: Path) -> Kind:
    """Tells what a file or folder is. Raises DataFileError, naming what was expected, when it is none of them."""
    if path.is_dir():
        if preferences.is_ads16(path):
            return Kind.ADS16
        raise DataFileError(f"{path}: expected {preferences.EXPECTED}")
    header = first_line(path)
    if users_file.is_users_file(header):
        return Kind.USERS_FILE
    if demographics.is_advertising(header):
        return Kind.ADVERTISING
    raise DataFileError(
        f"{path}: expected {users_file.EXPECTED} or {demographics.EXPECTED}, found {demographics.describe(header)}"
    )


def open_users(
    path: Path, seed: int, skipped: Skipped, ads16: Sequence[preferences.Preferences] | None = None
) -> Iterator[User]:
    """Yields the users of a users file, or one for each row of Advertising with the missing columns filled in."""
    kind = detect(path)
    if kind is Kind.USERS_FILE:
        return users_file.read_users_file(path, skipped)
    if kind is Kind.ADVERTISING:
        return users_of(demographics.load_advertising(path, skipped), seed, ads16)
    raise DataFileError(f"{path}: holds the preferences of {kind}, not users; expected {users_file.EXPECTED}")
