"""A user: who sees ads, and what is known about that person."""

from dataclasses import dataclass, fields
from typing import Final

# The stride has no factor in common with 10^16, so its steps visit every number once before any twice; the privacy id
# 1111-1111-1111-1111 comes at an index that no data set reaches (held by a test).
_IDS: Final = 10**16
_ID_STRIDE: Final = 6_364_136_223_846_793
_ID_START: Final = 1_442_695_040_888_963


@dataclass(frozen=True, slots=True)
class User:
    """One user in the fourteen columns of a users file, in their order.

    `age` in years, `gender` F or M, `internet_usage` in minutes a day, `income_bucket` L, M or H. The last seven are
    comma lists.
    """

    id: str
    age: int
    gender: str
    internet_usage: float
    income_bucket: str
    user_agent_string: str
    device_type: str
    websites: str
    movies: str
    music: str
    program: str
    books: str
    negatives: str
    positives: str


COLUMNS: Final = tuple(field.name for field in fields(User))


def user_id(index: int) -> str:
    """Returns the id of made user number `index`, such as `1442-6950-4088-8963`: unique, and always the same."""
    digits = f"{(_ID_START + index * _ID_STRIDE) % _IDS:016d}"
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"
