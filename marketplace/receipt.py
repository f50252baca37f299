"""Receipts: the proof of a serve, sealed so that a client can neither read the price nor forge it.

Layout: version (1 byte), key id (4 bytes), nonce (12 bytes), AES-256-GCM of the serve; version and key id are
authenticated too. Keys have a life: a new one opens at once and seals from its `active_from_us`.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from marketplace.errors import ReceiptInvalid

SECRET_BYTES: Final = 32
MAX_RECEIPT_BYTES: Final = 4096
_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_HEADER_BYTES: Final = 1 + _KEY_ID_BYTES
_OVERHEAD_BYTES: Final = _HEADER_BYTES + _NONCE_BYTES + 16


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """One key of the ring; its secret is never shown."""

    key_id: bytes
    secret: bytes
    active_from_us: int

    def __post_init__(self) -> None:
        if len(self.key_id) != _KEY_ID_BYTES or len(self.secret) != SECRET_BYTES:
            raise ValueError(f"a receipt key has an id of {_KEY_ID_BYTES} bytes and a secret of {SECRET_BYTES}")

    def __repr__(self) -> str:
        return f"ReceiptKey({self.key_id.hex()})"


class UnknownKey(ReceiptInvalid):
    """The receipt names a key that this ring does not hold; a newer ring may."""


class KeyRing:
    """The keys that receipts are sealed and opened with."""

    def __init__(self, keys: Iterable[ReceiptKey]) -> None:
        self.renew(keys)

    def renew(self, keys: Iterable[ReceiptKey]) -> None:
        """Puts other keys in place of these. Safe while another thread seals or opens. Raises ValueError for none."""
        ordered = sorted(keys, key=lambda key: (key.active_from_us, key.key_id))
        if not ordered:
            raise ValueError("a key ring needs at least one key")
        # Key and cipher in one object, and all of them replaced at once: whoever is at work finds both or neither.
        self._by_age = [(key, AESGCM(key.secret)) for key in ordered]
        self._by_id = {key.key_id: cipher for key, cipher in self._by_age}

    def seal(self, serve: bytes, now_us: int) -> bytes:
        """Seals an encoded serve with the newest key that is active."""
        key, cipher = self._sealing_key(now_us)
        header = _VERSION + key.key_id
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return header + nonce + cipher.encrypt(nonce, serve, header)

    def open(self, receipt: bytes) -> bytes:
        """Returns the encoded serve. Raises ReceiptInvalid, or UnknownKey where a newer ring may know better."""
        if not _OVERHEAD_BYTES < len(receipt) <= MAX_RECEIPT_BYTES or receipt[:1] != _VERSION:
            raise ReceiptInvalid
        header, nonce = receipt[:_HEADER_BYTES], receipt[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        cipher = self._by_id.get(header[1:])
        if cipher is None:
            raise UnknownKey
        try:
            return cipher.decrypt(nonce, receipt[_HEADER_BYTES + _NONCE_BYTES :], header)
        except InvalidTag:
            raise ReceiptInvalid from None

    def _sealing_key(self, now_us: int) -> tuple[ReceiptKey, AESGCM]:
        by_age = self._by_age
        for key, cipher in reversed(by_age):
            if key.active_from_us <= now_us:
                return key, cipher
        return by_age[0]


def new_key(active_from_us: int) -> ReceiptKey:
    """Makes a fresh random key."""
    return ReceiptKey(secrets.token_bytes(_KEY_ID_BYTES), secrets.token_bytes(SECRET_BYTES), active_from_us)
