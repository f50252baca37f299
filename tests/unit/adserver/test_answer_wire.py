"""Answers written as bytes are what protobuf's own writer makes of them; so are the names of serves."""

import time
import uuid
from dataclasses import replace

import pytest
from adplatform.v1 import ad_server_pb2 as pb
from auction_campaigns import campaign

from adserver.answer_wire import encode_ads, encode_numbered
from adserver.index import Index
from adserver.request import Request
from adserver.request_ids import new_request_id
from adserver.serve import ServedAdvert
from marketplace.campaign import Campaign

TEXTS = ["", "x", "ü" * 100, "y" * 5_000]


def served(campaigns: list[Campaign], receipt: bytes) -> list[ServedAdvert]:
    ads, _ = Index.build(campaigns, 0).shortlist(Request(), 0, 10, lambda: 0.5)
    return [ServedAdvert(str(uuid.uuid4()), ad, receipt) for ad in ads]


@pytest.mark.parametrize("sequence", [0, 1, 127, 128, 2**32, 2**64 - 1])
@pytest.mark.parametrize("receipt_bytes", [1, 200, 4_096])
def test_they_are_what_protobuf_writes(sequence: int, receipt_bytes: int) -> None:
    adverts = served([replace(campaign(f"c{n}"), text=text) for n, text in enumerate(TEXTS)], bytes(receipt_bytes))
    for _ in range(2):  # the second time from what is kept
        response = pb.ServeAdResponse(
            ads=[
                pb.Ad(
                    request_id=name,
                    campaign_id=ad.campaign_id,
                    text=ad.text,
                    category=ad.category,
                    receipt=receipt,
                )
                for name, ad, receipt in adverts
            ]
        )
        encoded = encode_ads(adverts)
        assert encoded == response.SerializeToString()
        numbered = pb.StreamAdsResponse.FromString(encode_numbered(sequence, encoded))
        assert numbered == pb.StreamAdsResponse(sequence=sequence, response=response)


def test_serves_are_named_as_the_standard_says() -> None:
    before_ms = time.time_ns() // 1_000_000
    names = [uuid.UUID(bytes=new_request_id()) for _ in range(10_000)]
    after_ms = time.time_ns() // 1_000_000
    assert len(set(names)) == len(names)
    assert {name.version for name in names} == {7}
    assert {name.variant for name in names} == {uuid.RFC_4122}
    assert all(before_ms <= name.int >> 80 <= after_ms for name in names)
    ones = zeros = 0
    for name in names:
        ones, zeros = ones | name.int, zeros | ~name.int
    every_random_bit = (1 << 76) - 1 & ~(3 << 62)
    assert ones & every_random_bit == zeros & every_random_bit == every_random_bit
