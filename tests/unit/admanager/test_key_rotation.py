"""The life of a receipt key: it opens before anyone seals with it, and goes when its last receipt has expired."""

from pathlib import Path

import pytest

from admanager.key_rotation import LEAD_S, MARGIN_US, KeyRotation, rotated, with_new_key, without_retired
from marketplace.clock import US_PER_SECOND
from marketplace.errors import ReceiptInvalid
from marketplace.receipt import KeyRing, ReceiptKey, new_key
from marketplace.runtime.keys import create_ring, load_keys

HOUR_US = 3_600 * US_PER_SECOND
DAY_US = LIFE_US = 24 * HOUR_US
LEAD_US = LEAD_S * US_PER_SECOND


def test_a_new_key_opens_at_once_and_seals_from_its_time() -> None:
    old = new_key(0)
    both = with_new_key([old], 1_000)
    ring = KeyRing(both)
    assert ring.seal(b"x", 999)[1:5] == old.key_id
    assert ring.seal(b"x", 1_000)[1:5] == both[1].key_id
    assert ring.open(KeyRing([both[1]]).seal(b"x", 0)) == b"x"


def test_an_old_key_goes_after_its_last_use_and_a_receipts_life() -> None:
    old, young = new_key(0), new_key(DAY_US)
    last_us = DAY_US + LIFE_US + MARGIN_US
    assert without_retired([old, young], last_us, LIFE_US) == [old, young]
    assert without_retired([old, young], last_us + 1, LIFE_US) == [young]


def test_the_key_that_seals_stays_however_old() -> None:
    only = new_key(0)
    assert without_retired([only], 10_000 * DAY_US, LIFE_US) == [only]
    future = new_key(10_001 * DAY_US)
    assert without_retired([only, future], 10_000 * DAY_US, LIFE_US) == [only, future]


def test_a_year_of_days() -> None:
    """Every receipt opens for its whole life, with any ring that was read a minute ago or later; few keys are kept."""
    keys = [new_key(0)]
    receipts: list[tuple[int, bytes]] = []
    rings: list[KeyRing] = [KeyRing(keys)]
    for now_us in range(0, 365 * DAY_US, 6 * HOUR_US):
        receipts = [(at_us, receipt) for at_us, receipt in receipts if now_us <= at_us + LIFE_US]
        for _, receipt in receipts:
            assert rings[-1].open(receipt) == b"serve"
        keys = rotated(keys, now_us, DAY_US, LIFE_US)
        assert rotated(keys, now_us, DAY_US, LIFE_US) == keys, "another process finds it done"
        rings = [rings[-1], KeyRing(keys)]
        receipts += [(now_us, ring.seal(b"serve", now_us)) for ring in rings]
        for reader in rings:
            for _, receipt in receipts:
                assert reader.open(receipt) == b"serve"
        assert len(keys) <= 5
    assert len({receipt[1:5] for _, receipt in receipts}) >= 2


def test_a_dropped_key_opens_nothing() -> None:
    old, young = new_key(0), new_key(1)
    with pytest.raises(ReceiptInvalid):
        KeyRing([young]).open(KeyRing([old]).seal(b"x", 0))


def test_several_processes_rotate_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_ring(path, 0)
    rotations = [KeyRotation(path, lambda: DAY_US, DAY_US, LIFE_US) for _ in range(3)]
    assert [rotation.rotate() for rotation in rotations] == [True, False, False]
    assert [key.active_from_us for key in load_keys(path)] == [0, DAY_US + LEAD_US]


def test_without_a_file_there_is_nothing_to_rotate(tmp_path: Path) -> None:
    assert not KeyRotation(tmp_path / "none.json", lambda: DAY_US, DAY_US, LIFE_US).rotate()


def test_keys_show_no_secret() -> None:
    key = new_key(0)
    assert key.secret.hex() not in repr(key)
    assert isinstance(key, ReceiptKey)
