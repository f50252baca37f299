"""The channel: what is an address, which methods are made again, and that calls go where a server says SERVING."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc.aio
import pytest
from adplatform.v1 import ad_server_pb2, ad_server_pb2_grpc, campaign_manager_pb2, feedback_handler_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from marketplace.runtime.channel import _UNARY, open_channel, target_of

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize(
    ("addresses", "target"),
    [
        ("127.0.0.1:50051", "ipv4:127.0.0.1:50051"),
        ("10.0.0.1:1, 10.0.0.2:2", "ipv4:10.0.0.1:1,10.0.0.2:2"),
        ("adserver:50051", "dns:///adserver:50051"),
        ("[::1]:50051", "dns:///[::1]:50051"),
    ],
)
def test_target(addresses: str, target: str) -> None:
    assert target_of(addresses) == target


@pytest.mark.parametrize("addresses", ["", "localhost", "127.0.0.1", "a:1,b:2", "127.0.0.1:1,", "http://a:1", "a b:1"])
def test_no_address(addresses: str) -> None:
    with pytest.raises(ValueError, match="address"):
        open_channel(addresses)


def test_every_unary_method_that_is_safe_to_repeat_and_no_stream_is_made_again() -> None:
    files = (ad_server_pb2, feedback_handler_pb2, campaign_manager_pb2)
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]
    retried = {(name["service"], name.get("method")) for name in _UNARY}
    for service in services:
        for method in service.methods:
            listed = (service.full_name, method.name) in retried or (service.full_name, None) in retried
            repeatable = method.name != "CreateCampaign"  # only with ids of the client's own
            unary = not method.client_streaming and not method.server_streaming
            assert listed == (unary and repeatable), method.full_name


class Named(ad_server_pb2_grpc.AdServerServicer):
    """Answers with its name; the first `refusals` calls are refused."""

    def __init__(self, name: str, refusals: int = 0, refusing: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self.name = name
        self.refusals = refusals
        self.refusing = refusing
        self.checks = health.aio.HealthServicer()

    async def ServeAd(self, request: ad_server_pb2.ServeAdRequest, context: grpc.aio.ServicerContext) -> object:  # noqa: N802
        if self.refusals:
            self.refusals -= 1
            await context.abort(self.refusing, "not now")
        return ad_server_pb2.ServeAdResponse(ads=[ad_server_pb2.Ad(text=self.name)])

    async def StreamAds(  # noqa: N802
        self, request_iterator: AsyncIterator[ad_server_pb2.StreamAdsRequest], context: object
    ) -> AsyncIterator[ad_server_pb2.StreamAdsResponse]:
        async for message in request_iterator:
            answer = ad_server_pb2.ServeAdResponse(ads=[ad_server_pb2.Ad(text=self.name)])
            yield ad_server_pb2.StreamAdsResponse(sequence=message.sequence, response=answer)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(self.checks, server)
        ad_server_pb2_grpc.add_AdServerServicer_to_server(self, server)
        await self.checks.set("", SERVING)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(0)


async def who_answers(channel: grpc.aio.Channel) -> set[str]:
    stub = ad_server_pb2_grpc.AdServerStub(channel)
    request = ad_server_pb2.ServeAdRequest()
    answers = [await stub.ServeAd(request, timeout=10, wait_for_ready=True) for _ in range(10)]
    return {answer.ads[0].text for answer in answers}


async def until_answered_by(channel: grpc.aio.Channel, names: set[str]) -> None:
    async with asyncio.timeout(20):
        while await who_answers(channel) != names:  # noqa: ASYNC110  # health reports take a moment
            await asyncio.sleep(0.02)


def test_calls_go_to_those_that_serve() -> None:
    async def run() -> None:
        a, b = Named("a"), Named("b")
        async with AsyncExitStack() as stack:
            of_a = await stack.enter_async_context(a.serving())
            async with b.serving() as of_b:
                channel = await stack.enter_async_context(open_channel(f"{of_a},{of_b}"))
                await until_answered_by(channel, {"a", "b"})
                await a.checks.set("", NOT_SERVING)
                await until_answered_by(channel, {"b"})
                await a.checks.set("", SERVING)
                await until_answered_by(channel, {"a", "b"})
            assert await who_answers(channel) == {"a"}  # b has gone, and no call fails for it

    asyncio.run(run())


@pytest.mark.parametrize("refusing", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_a_unary_call_is_made_again_within_a_bound(refusing: grpc.StatusCode) -> None:
    async def run() -> None:
        server = Named("a", 4, refusing)
        async with server.serving() as address, open_channel(address) as channel:
            assert (await who_answers(channel)) == {"a"}
            server.refusals = 100
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await who_answers(channel)
            assert failure.value.code() is refusing
            assert server.refusals == 95

    asyncio.run(run())
