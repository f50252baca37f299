"""Values that nobody means well with, and ways to put them into messages that are right otherwise."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


class Edit(NamedTuple):
    """Puts a value into a field of a message, or takes the field away."""

    path: tuple[str, ...]
    value: Any

    def __repr__(self) -> str:
        return f"{'.'.join(self.path)} = {self.value!r:.60}"

    def make(self, message: Any) -> None:
        """Makes the edit."""
        *parents, name = self.path
        for parent in parents:
            message = getattr(message, parent)
            if isinstance(message, Sequence):  # of a repeated field the first
                message = message[0] if message else message.add()
        if self.value is None:
            message.ClearField(name)
        else:
            setattr(message, name, self.value)


_SMALL: Final = (0, 1, -1, 7, 150, 151, 599, 10**9, -(10**9), 2**31 - 1, -(2**31))
_LARGE: Final = (2**31, 2**53 + 1, 253_402_300_799, 253_402_300_800, 10**15, 9 * 10**18, 2**63 - 1, -(2**63))
TEXTS: Final = (
    *("", " ", "All", "all ", "F", "known", "stopped", "unknown", "c", "a:b", "a/b", "../../etc/passwd", "%s%n{0}"),
    *("\x00", "a\x00b", "\n\r\t\x1b[31m", "\u202e", "\ufeff", "😀" * 70, "é", "e\u0301", "İ", "ß", "\U0010ffff"),
    *("x" * 64, "x" * 65, "x" * 255, "x" * 256, "x" * 4_000, "x" * 4_001, "x" * 20_000, "1111-1111-1111-1111"),
    *("' OR 1=1 --", "<script>", "2026-10-01", "10:00:00", "NaN", "1e400", "-1", "0.0000000001", "9" * 20),
)
_BYTES: Final = (b"", b"\x00", b"\xff" * 33, b"\x01" + bytes(4), b"\x01" + bytes(44), b"x" * 4_096, b"x" * 5_000)
_OF_TYPE: Final[dict[int, tuple[Any, ...]]] = {
    FieldDescriptor.TYPE_STRING: TEXTS,
    FieldDescriptor.TYPE_BYTES: _BYTES,
    FieldDescriptor.TYPE_INT32: _SMALL,
    FieldDescriptor.TYPE_ENUM: _SMALL,
    FieldDescriptor.TYPE_INT64: _SMALL + _LARGE,
    FieldDescriptor.TYPE_UINT64: (0, 1, 2**63, 2**64 - 1),
    FieldDescriptor.TYPE_BOOL: (True, False),
}
MOMENTS: Final = (
    *("0001-01-01", "0001-01-01T00:00Z", "9999-12-31", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:00-14:00"),
    *("1970-01-01", "1969-12-31T23:59:59.999999+23:59", "2026-W40-4", "20261001T10", " 2026-10-02 ", "2026-02-30"),
)
ZONES: Final = (
    *("UTC", "utc", "Asia/Kolkata", "Pacific/Apia", "America/Los_Angeles", "Etc/GMT-14", "Etc/GMT+12", "Asia", "../x"),
    *("posix/UTC", "tzdata.zi", "leapseconds", "/etc/localtime", "a..b/c", "Asia/", "."),
)
_APT: Final = 8  # how much more often than any
_OF_NAME: Final[dict[str, tuple[Any, ...]]] = {
    "start": MOMENTS,
    "end": MOMENTS,
    "time_zone": ZONES,
    "page_token": ("1", "999999999999999999", "1-1", "x-999999999999999999", "-1", "a-", "٣", "1" * 19, "x--1"),
    "query": ("%", "_", "\\", "/", "a " * 100, "tin robot"),
}


def edits_of(kind: type[Message]) -> list[Edit]:
    """Returns every way to put one hostile value into one field of a message, or to take the field away."""
    return [Edit(path, value) for path, field in _fields(kind.DESCRIPTOR) for value in _values(field)]


def edited(base: Message, edits: Sequence[Edit]) -> bytes:
    """Returns a message's bytes with edits made."""
    message = type(base).FromString(base.SerializeToString())
    for edit in edits:
        edit.make(message)
    return message.SerializeToString()


def request(rng: random.Random, base: Message, edits: Sequence[Edit]) -> bytes:
    """Makes bytes of a request: right but for some fields, right but for some bytes, or any bytes."""
    kind = rng.random()
    if kind < 0.7 and edits:
        return edited(base, rng.choices(edits, k=rng.randint(1, 3)))
    if kind < 0.9:
        return damage(rng, edited(base, rng.choices(edits, k=rng.randint(0, 1)) if edits else ()))
    return rng.randbytes(rng.randint(0, 60))


def damage(rng: random.Random, value: bytes) -> bytes:
    """Returns bytes with a few of them changed, doubled, or cut off."""
    changed = bytearray(value)
    for _ in range(rng.randint(1, 3)):
        if not changed:
            break
        place = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                del changed[place:]
            case 1:
                changed[place:place] = changed[place : place + rng.randint(1, 8)]
            case _:
                changed[place] = rng.randrange(256)
    return bytes(changed)


def _fields(kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldDescriptor]]:
    for field in kind.fields:
        yield (*path, field.name), field
        if field.message_type and len(path) < 3:
            yield from _fields(field.message_type, (*path, field.name))


def _values(field: FieldDescriptor) -> tuple[Any, ...]:
    return (None,) if field.message_type else (None, *_OF_TYPE[field.type], *_OF_NAME.get(field.name, ()) * _APT)
