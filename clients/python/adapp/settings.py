"""The settings that README.md lists, from the environment."""

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from adplatform.v1 import feedback_handler_pb2 as feedback_pb

MAX_COUNT: Final = 100_000
MAX_SECONDS: Final = 600


@dataclass(frozen=True)
class Settings:
    """Whom to ask, how, for whom, and what the user does. `receipt`: send feedback on that, ask for no ads."""

    ad_server: str
    feedback_handler: str
    token: str
    authority: bytes
    deadline_s: int  # of a call over all attempts, and of one stream
    user_id: str
    city: str
    count: int
    actions: Sequence[feedback_pb.Action.ValueType]
    receipt: bytes

    @classmethod
    def from_environment(cls) -> Self:
        """Raises ValueError or OSError, with a sentence for people."""
        token, authority = _get("TOKEN"), _get("TLS_CA")
        if token and not authority:
            raise ValueError("TOKEN needs TLS_CA: a token is never sent in clear")
        return cls(
            ad_server=_get("AD_SERVER", "localhost:50051"),
            feedback_handler=_get("FEEDBACK_HANDLER", "localhost:50052"),
            token=token,
            authority=Path(authority).read_bytes() if authority else b"",
            deadline_s=_number("DEADLINE", "10", MAX_SECONDS),
            user_id=_get("USER_ID", "u1"),
            city=_get("CITY"),
            count=_number("COUNT", "1", MAX_COUNT),
            actions=[_action(name) for name in _get("ACTIONS", "VIEW,CLICK").split(",")],
            receipt=_receipt(_get("RECEIPT")),
        )


def _get(name: str, otherwise: str = "") -> str:
    return os.environ.get(name) or otherwise


def _number(name: str, otherwise: str, most: int) -> int:
    text = _get(name, otherwise)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ValueError(f"{name} is not a number from 1 to {most}")
    return int(text)


def _action(name: str) -> feedback_pb.Action.ValueType:
    try:
        return feedback_pb.Action.Value(f"ACTION_{name}")
    except ValueError:
        raise ValueError(f"ACTIONS: {name!r} is none of VIEW, CLICK, ACQUISITION") from None


def _receipt(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("RECEIPT is not base64") from None
