"""The people of a simulation: read from the data sets people have, or made up."""

from simulator.users.build import build_users, users_of
from simulator.users.demographics import Demographics, load_advertising
from simulator.users.devices import DEVICE_SHARES
from simulator.users.preferences import Preferences, load_ads16
from simulator.users.source import Kind, detect, open_users
from simulator.users.user import COLUMNS, User
from simulator.users.users_file import read_users_file, write_users_file

__all__ = [
    "COLUMNS",
    "DEVICE_SHARES",
    "Demographics",
    "Kind",
    "Preferences",
    "User",
    "build_users",
    "detect",
    "load_ads16",
    "load_advertising",
    "open_users",
    "read_users_file",
    "users_of",
    "write_users_file",
]
