"""The gateway of apps' pages: the same calls in JSON, for the sites that may call."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from fake_mesh import SITE, Failed, Stub, client_of, site_of

AD = ads_pb.Ad(request_id="r", campaign_id="c", text="<b>Mugs</b>", category="Home", receipt=b"\x00\xff")
SHOP = "https://shop.example"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def test_an_ad_and_its_feedback() -> None:
    async def work() -> None:
        ads = Stub(ServeAd=ads_pb.ServeAdResponse(ads=[AD]))
        charged = feedback_pb.SubmitFeedbackResponse(request_id="r", charged_nanos=2**53 + 1)
        feedback = Stub(SubmitFeedback=charged)
        async with client_of(site_of(ads=ads, feedback=feedback)[1]) as client:
            answer = await client.post("/v1/ads", json={"user_id": "u", "ad_count": 2})
            assert answer.json()["ads"][0] == {
                "request_id": "r",
                "campaign_id": "c",
                "text": "<b>Mugs</b>",
                "category": "Home",
                "receipt": "AP8=",
            }
            assert ads.calls[0][1] == ads_pb.ServeAdRequest(user_id="u", ad_count=2)
            said = await client.post("/v1/feedback", content='{"receipt": "AP8=", "action": "ACTION_CLICK"}')
            assert said.json() == {"request_id": "r", "charged_nanos": str(2**53 + 1)}, "no number loses its last digit"
            assert feedback.calls[0][1].receipt == b"\x00\xff"
            assert "set-cookie" not in said.headers and said.headers["cache-control"] == "no-store"

    run(work())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"no_such": 1}', b'{"ad_count": "x"}', b"{" + b" " * 20_000, b"\xff"]
)
def test_what_is_no_request(body: bytes) -> None:
    async def work() -> None:
        async with client_of(site_of()[1]) as client:
            answer = await client.post("/v1/ads", content=body)
            assert answer.status_code == 400 and answer.json()["error"]["reason"] == "INVALID_JSON"

    run(work())


@pytest.mark.parametrize(
    ("code", "status", "again"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, 400, False),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429, True),
        (grpc.StatusCode.UNAVAILABLE, 503, True),
        (grpc.StatusCode.UNAUTHENTICATED, 502, False),
        (grpc.StatusCode.INTERNAL, 500, False),
    ],
)
def test_how_failures_are_told(code: grpc.StatusCode, status: int, again: bool) -> None:
    async def work() -> None:
        async with client_of(site_of(ads=Stub(ServeAd=Failed(code, "said")))[1]) as client:
            answer = await client.post("/v1/ads", json={})
            assert answer.status_code == status and ("retry-after" in answer.headers) is again

    run(work())


def test_only_named_sites_may_call() -> None:
    async def work() -> None:
        ads = Stub(ServeAd=ads_pb.ServeAdResponse())
        async with client_of(site_of(ads=ads, origins=(SHOP,))[1]) as client:
            for origin, status in ((SITE, 200), (SHOP, 200), ("https://evil.example", 403), ("null", 403)):
                answer = await client.post("/v1/ads", json={}, headers={"origin": origin})
                assert answer.status_code == status, origin
                allowed = answer.headers.get("access-control-allow-origin")
                assert allowed == (SHOP if origin == SHOP else None)
                assert (await client.options("/v1/ads", headers={"origin": origin})).status_code in (204, status)
            assert len(ads.calls) == 2

    run(work())


def test_so_many_calls_at_once_and_no_more() -> None:
    async def work() -> None:
        going = asyncio.Event()

        async def slow(request: Any, **_: Any) -> ads_pb.ServeAdResponse:
            await going.wait()
            return ads_pb.ServeAdResponse()

        ads = Stub()
        ads.ServeAd = slow  # type: ignore[attr-defined]
        async with client_of(site_of(ads=ads)[1]) as client:
            calls = [asyncio.ensure_future(client.post("/v1/ads", json={})) for _ in range(260)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            going.set()
            codes = [answer.status_code for answer in await asyncio.gather(*calls)]
            assert (codes.count(200), codes.count(429)) == (256, 4)

    run(work())
