"""What auctions know of users, in memory: age, gender and income bucket by id."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from marketplace.campaign import PRIVACY_USER_ID


class Profile(NamedTuple):
    """A user as auctions see one; age None or an empty text: not known."""

    age: int | None
    gender: str
    income_bucket: str


UNKNOWN: Final = Profile(None, "", "")


class Profiles:
    """Profiles by user id. Equal profiles are one object, so half a million users take some 70 MB."""

    def __init__(self, rows: Iterable[tuple[str, int, str, str]] = ()) -> None:
        shared: dict[tuple[int, str, str], Profile] = {}
        self._by_id: dict[str, Profile] = {}
        for user_id, age, gender, income_bucket in rows:
            known = age, gender, income_bucket
            profile = shared.get(known)
            if profile is None:
                profile = shared[known] = Profile(*known)
            self._by_id[user_id] = profile
        self._by_id.pop(PRIVACY_USER_ID, None)

    def __len__(self) -> int:
        return len(self._by_id)

    def of(self, user_id: str) -> Profile:
        """Returns the user's profile; UNKNOWN for an unknown id and for the privacy id."""
        return self._by_id.get(user_id, UNKNOWN)
