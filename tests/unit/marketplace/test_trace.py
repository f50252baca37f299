"""Where spans lie: everyone who has a request's id answers the same."""

import uuid

import pytest
from uuid6 import uuid7

from marketplace.feedback import Action
from marketplace.trace import Place, is_traced

REQUEST = "0199f3a1-7c2e-7d41-b0c5-6f2e8a9d1234"
NUMBER = 0x0199F3A17C2E7D41B0C56F2E8A9D1234
SPAN = 0xB0C56F2E8A9D1234


def test_the_request_is_the_trace_and_the_auction_its_first_span() -> None:
    assert Place.of_serve(REQUEST) == Place(NUMBER, SPAN)


def test_each_action_has_a_place_of_its_own_below_the_auction() -> None:
    places = [Place.of_charge(REQUEST, action) for action in Action]
    assert places == [Place(NUMBER, SPAN + number, SPAN) for number in (1, 2, 3)]


def test_what_comes_later_lies_below_at_an_id_of_its_own() -> None:
    charge = Place.of_charge(REQUEST, Action.CLICK)
    one, other = charge.below(), charge.below()
    assert one.parent_id == other.parent_id == charge.span_id
    assert one.span_id != other.span_id
    assert one.trace_id == NUMBER


def test_a_message_carries_its_place() -> None:
    place = Place.of_charge(REQUEST, Action.CLICK).below()
    ((name, value),) = place.headers
    assert (name, value) == ("traceparent", f"00-{NUMBER:032x}-{place.span_id:016x}-03".encode())
    assert Place.in_headers((("other", b"1"), *place.headers)) == Place(place.trace_id, place.span_id)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"00-0199f3a17c2e7d41b0c56f2e8a9d1234-b0c56f2e8a9d1234",
        b"00-0199f3a17c2e7d41b0c56f2e8a9d1234-b0c56f2e8a9d1234-00",  # not recorded
        b"00-00000000000000000000000000000000-b0c56f2e8a9d1234-01",
        b"00-0199f3a17c2e7d41b0c56f2e8a9d1234-0000000000000000-01",
        b"00-0199F3A17C2E7D41B0C56F2E8A9D1234-b0c56f2e8a9d1234-01",
    ],
)
def test_what_is_no_trace_or_not_recorded_is_no_place(value: bytes) -> None:
    assert Place.in_headers((("traceparent", value),)) is None


def test_all_or_none_are_traced_at_the_ends_of_the_scale() -> None:
    ids = [str(uuid7()) for _ in range(200)]
    assert all(is_traced(each, 1.0) for each in ids)
    assert not any(is_traced(each, 0.0) for each in ids)
    assert is_traced(str(uuid.UUID(int=(1 << 128) - 1)), 1.0)


@pytest.mark.parametrize("ratio", [0.01, 0.25, 0.75])
def test_the_share_that_is_traced_is_the_one_asked_for(ratio: float) -> None:
    count = 20_000
    traced = sum(is_traced(str(uuid7()), ratio) for _ in range(count))
    spread = (ratio * (1 - ratio) / count) ** 0.5
    assert traced / count == pytest.approx(ratio, abs=6 * spread)  # one run in a hundred million fails by chance
