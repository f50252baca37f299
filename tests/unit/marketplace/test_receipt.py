"""Receipts cannot be read, changed, forged or outlived."""

from pathlib import Path
from typing import Any

import pytest
from adplatform.v1 import events_pb2, feedback_handler_pb2
from adplatform.v1.events_pb2 import ServedAd
from hypothesis import given
from hypothesis import strategies as st

from feedback.receipts import ReceiptReader
from marketplace.campaign import Window
from marketplace.errors import ReceiptExpired, ReceiptInvalid
from marketplace.feedback import Action, ChargedAction, FeedbackEvent
from marketplace.receipt import KeyRing, ReceiptKey, UnknownKey, new_key
from marketplace.runtime.keys import create_ring, load_ring
from marketplace.runtime.settings import BadSettingError
from marketplace.serve import Serve, Terms, Viewer, Winner
from marketplace.wire import (
    decode_event,
    decode_served_batch,
    decode_terms,
    encode_charged,
    encode_serve,
    encode_served_batch,
    serve_from_proto,
)

WORDS = st.text(max_size=40)
COUNTS = st.integers(0, 2**62)
WINNERS = st.builds(
    Winner,
    campaign_id=WORDS,
    bid_cpm_nanos=COUNTS,
    category=WORDS,
    target_age_range=WORDS,
    target_location=WORDS,
    target_gender=WORDS,
    target_income_bucket=WORDS,
    target_device_type=WORDS,
    window=st.builds(Window, COUNTS, COUNTS),
)
SERVES = st.builds(
    Serve,
    request_id=st.uuids().map(str),
    served_at_us=COUNTS,
    viewer=st.builds(Viewer, user_id=WORDS, age=st.none() | st.integers(0, 150), gender=WORDS, city=WORDS),
    winner=WINNERS,
    auction_cpm_nanos=COUNTS,
    auction_cpc_nanos=COUNTS,
    auction_cpa_nanos=COUNTS,
)
NUMBERS: Any = {
    "event_seq": 7,
    "action": Action.CLICK,
    "view": 1,
    "click": 1,
    "acquisition": 0,
    "charged_nanos": 660_000,
    "uncharged_nanos": 1,
    "charged_at_us": 3,
}
RING = KeyRing([new_key(0)])


@given(SERVES)
def test_a_serve_survives_its_receipt(serve: Serve) -> None:
    assert serve_from_proto(ServedAd.FromString(RING.open(RING.seal(encode_serve(serve), 1)))) == serve


@given(SERVES)
def test_a_charge_reads_the_terms_and_hands_on_the_whole_serve(serve: Serve) -> None:
    terms = decode_terms(encode_serve(serve))
    prices = serve.auction_cpc_nanos, serve.auction_cpa_nanos
    assert terms == Terms(serve.request_id, serve.winner.campaign_id, serve.served_at_us, *prices, encode_serve(serve))
    charged = ChargedAction(**NUMBERS)
    assert decode_event(encode_charged(charged, terms.served_ad)) == FeedbackEvent(**NUMBERS, serve=serve)


@given(st.lists(SERVES, max_size=5))
def test_a_batch_is_framed_as_protobuf_frames_it(serves: list[Serve]) -> None:
    encoded = [encode_serve(serve) for serve in serves]
    value = encode_served_batch(encoded)
    assert decode_served_batch(value) == serves
    whole = events_pb2.ServedAdBatch(served_ads=[events_pb2.ServedAd.FromString(one) for one in encoded])
    assert value == whole.SerializeToString()


def test_actions_have_the_numbers_of_the_contract() -> None:
    assert {f"ACTION_{action.name}": action.value for action in Action} == {
        name: value for name, value in feedback_handler_pb2.Action.items() if value
    }


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_byte_is_found(place: int, change: int) -> None:
    receipt = bytearray(RING.seal(b"a serve", 1))
    receipt[place % len(receipt)] ^= change
    with pytest.raises(ReceiptInvalid):
        RING.open(bytes(receipt))


@pytest.mark.parametrize("receipt", [b"", b"\x01", b"x" * 100, b"\x01" * 5_000, RING.seal(b"a serve", 1)[:-1]])
def test_what_is_no_receipt(receipt: bytes) -> None:
    with pytest.raises(ReceiptInvalid):
        RING.open(receipt)


def test_a_foreign_key_is_unknown_and_a_foreign_secret_invalid() -> None:
    with pytest.raises(UnknownKey):
        RING.open(KeyRing([new_key(0)]).seal(b"a serve", 1))
    ours = new_key(0)
    theirs = KeyRing([ReceiptKey(ours.key_id, bytes(32), 0)])
    with pytest.raises(ReceiptInvalid):
        KeyRing([ours]).open(theirs.seal(b"a serve", 1))


def test_a_new_key_opens_at_once_and_seals_from_its_time_on() -> None:
    old, new = new_key(0), new_key(100)
    ring = KeyRing([new, old])
    assert ring.seal(b"a serve", 99)[1:5] == old.key_id
    assert ring.seal(b"a serve", 100)[1:5] == new.key_id
    assert ring.open(KeyRing([new]).seal(b"a serve", 5)) == b"a serve"


def test_a_secret_is_never_shown() -> None:
    key = new_key(0)
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_the_reader_loads_its_ring_anew_for_an_unknown_key_but_not_all_the_time() -> None:
    old, new = new_key(0), new_key(0)
    rings = [KeyRing([old]), KeyRing([old, new])]
    now_us = [0]
    reader = ReceiptReader(lambda: rings[0] if len(rings) == 1 else rings.pop(0), lambda: now_us[0], 1_000)
    receipt = KeyRing([new]).seal(encode_serve(SERVE), 0)
    with pytest.raises(UnknownKey):
        reader.read(receipt)  # the ring was loaded this very second
    now_us[0] = 2_000_000
    with pytest.raises(ReceiptExpired):
        reader.read(receipt)


def test_a_receipt_lives_as_long_as_the_settings_say() -> None:
    now_us = [0]
    reader = ReceiptReader(lambda: RING, lambda: now_us[0], 1_000)
    receipt = RING.seal(encode_serve(SERVE), 0)
    now_us[0] = 1_000
    assert reader.read(receipt).request_id == SERVE.request_id
    now_us[0] = 1_001
    with pytest.raises(ReceiptExpired):
        reader.read(receipt)


def test_what_was_sealed_but_is_no_serve_is_invalid() -> None:
    reader = ReceiptReader(lambda: RING, lambda: 0, 1_000)
    for content in (b"\xff\xff\xff", b""):
        with pytest.raises(ReceiptInvalid):
            reader.read(RING.seal(content, 0))


def test_a_key_file_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert create_ring(path, 0)
    before = path.read_bytes()
    assert not create_ring(path, 0)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_ring(path).open(load_ring(path).seal(b"a serve", 1)) == b"a serve"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"keys": []}',
        '{"keys": [{"key_id": "zz"}]}',
        '{"keys": [{"key_id": "00", "secret": "00", "active_from_us": 0}]}',
    ],
)
def test_a_file_that_is_no_key_file_is_a_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(BadSettingError, match="RECEIPT_KEYS"):
        load_ring(path)


SERVE = Serve(
    request_id="01a20cc7-0095-7ae7-bebe-be9f14c5488e",
    served_at_us=0,
    viewer=Viewer(),
    winner=Winner(
        campaign_id="c",
        bid_cpm_nanos=1,
        category="",
        target_age_range="All",
        target_location="",
        target_gender="All",
        target_income_bucket="All",
        target_device_type="All",
        window=Window(0, 1),
    ),
    auction_cpm_nanos=1,
    auction_cpc_nanos=1,
    auction_cpa_nanos=1,
)
