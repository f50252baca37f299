"""The users of a simulation, compactly in memory, and which users fit the platform's limits."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from marketplace.datafiles import Skipped
from simulator.behaviour import Person
from simulator.users import User

MAX_ID_CHARS: Final = 64
MAX_TEXT_CHARS: Final = 10_000


def usable(users: Iterable[User], skipped: Skipped) -> Iterator[User]:
    """Yields the users whose fields are short enough for requests and the store; counts the others."""
    for user in users:
        if len(user.id) > MAX_ID_CHARS or len(user.device_type) > MAX_ID_CHARS:
            skipped.add(f"users whose id or device has more than {MAX_ID_CHARS} characters")
        elif max(map(len, _texts(user))) > MAX_TEXT_CHARS:
            skipped.add(f"users with a text of more than {MAX_TEXT_CHARS:,} characters")
        else:
            yield user


class Population:
    """Persons by index: half a million take some 45 MB."""

    def __init__(self, users: Iterable[User]) -> None:
        self._ids: list[str] = []
        self._ages = array("B")
        self._devices: list[str] = []
        shared: dict[str, str] = {}
        for user in users:
            self._ids.append(user.id)
            self._ages.append(user.age)
            self._devices.append(shared.setdefault(user.device_type, user.device_type))

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Person:
        return Person(self._ids[index], self._ages[index], self._devices[index])


def _texts(user: User) -> tuple[str, ...]:
    return (
        user.user_agent_string,
        user.websites,
        user.movies,
        user.music,
        user.program,
        user.books,
        user.negatives,
        user.positives,
    )
