"""Asking until there is an answer, against real servers that die, drain, refuse or say nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from toy_mesh import SILENT, ToyMesh, until

from marketplace.runtime.channel import open_channel
from simulator.asking import NO_ANSWER, Asker, NotAnswered, Patience

AdAsker = Asker[pb.StreamAdsRequest, pb.StreamAdsResponse]


@asynccontextmanager
async def asking(
    port: int, patience: Patience, streams: int = 2
) -> AsyncIterator[tuple[Callable[[str], Awaitable[Any]], Counter[str]]]:
    """Yields a function that asks for one ad for a user, and how often what was sent again."""
    resent: Counter[str] = Counter()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        stream = partial(AdServerStub(channel).StreamAds, wait_for_ready=True)
        async with Asker(stream, streams, patience, resent) as asker:

            def ask(user_id: str) -> Awaitable[Any]:
                return asker.ask(pb.StreamAdsRequest(request=pb.ServeAdRequest(user_id=user_id, ad_count=1)))

            yield ask, resent


def status(code: int, *details: Any) -> Status:
    result = Status(code=code)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        result.details.append(packed)
    return result


def test_every_question_gets_its_own_answer() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        async with mesh.serving() as (_, port), asking(port, Patience(), streams=3) as (ask, resent):
            answers = await asyncio.gather(*(ask(str(number)) for number in range(300)))
        users = [mesh.requests[int(answer.response.ads[0].receipt.split(b"/")[0])].user_id for answer in answers]
        assert users == [str(number) for number in range(300)]
        assert mesh.streams["ads"] == 3
        assert not resent

    asyncio.run(run())


def test_a_stream_that_drains_loses_no_question() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_per_stream = 40
        async with mesh.serving() as (_, port), asking(port, Patience(), streams=2) as (ask, resent):
            answers = await asyncio.gather(*(ask(str(number)) for number in range(300)))
        assert all(answer.response.ads for answer in answers)
        assert mesh.streams["ads"] >= 300 // 40
        assert set(resent) <= {"DRAINED", "INTERNAL"}  # INTERNAL: a write that met the server's end of the stream
        assert resent

    asyncio.run(run())


def test_a_server_that_dies_and_comes_back_answers_in_the_end() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        mesh.delay_s = 0.01
        async with mesh.serving() as (server, port), asking(port, Patience()) as (ask, resent):
            questions = [asyncio.ensure_future(ask(str(number))) for number in range(100)]
            await until(lambda: len(mesh.requests) >= 20)
            await server.stop(0)
            assert not all(question.done() for question in questions)
            async with mesh.serving(port):
                answers = await asyncio.gather(*questions)
                assert all(answer.response.ads for answer in answers)
        assert {request.user_id for request in mesh.requests} == {str(number) for number in range(100)}
        assert resent
        assert set(resent) <= {"UNAVAILABLE", "CANCELLED", "INTERNAL"}  # INTERNAL: as it cancelled all its calls

    asyncio.run(run())


def test_an_overloaded_server_is_asked_again_when_it_said_so() -> None:
    later = status(8, RetryInfo(retry_delay=Duration(nanos=300_000_000)))

    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_verdict = lambda number: later if number < 5 else None
        async with mesh.serving() as (_, port), asking(port, Patience()) as (ask, resent):
            started = time.monotonic()
            await asyncio.gather(*(ask(str(number)) for number in range(5)))
            assert time.monotonic() - started >= 0.3
        assert resent == {"RESOURCE_EXHAUSTED": 5}
        assert len(mesh.requests) == 10

    asyncio.run(run())


def test_a_refusal_is_an_answer_with_its_reason() -> None:
    verdicts = [status(3, ErrorInfo(reason="RECEIPT_EXPIRED")), status(3), status(99)]

    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_verdict = verdicts.__getitem__
        async with mesh.serving() as (_, port), asking(port, Patience()) as (ask, resent):
            for reason in ("RECEIPT_EXPIRED", "INVALID_ARGUMENT", "UNKNOWN"):
                with pytest.raises(NotAnswered) as refusal:
                    await ask("someone")
                assert refusal.value.reason == reason
            assert not resent

    asyncio.run(run())


def test_a_silent_server_is_left_for_another_stream() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_verdict = lambda number: SILENT if number == 0 else None
        async with mesh.serving() as (_, port), asking(port, Patience(silence_s=0.3), streams=1) as (ask, resent):
            assert (await ask("someone")).response.ads
        assert resent == {"SILENT": 1}

    asyncio.run(run())


def test_no_answer_until_the_deadline_is_a_failure() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_verdict = lambda number: SILENT
        async with mesh.serving() as (server, port), asking(port, Patience(deadline_s=0.5)) as (ask, _):
            for _ in range(2):
                started = time.monotonic()
                with pytest.raises(NotAnswered) as failure:
                    await ask("someone")
                assert failure.value.reason == NO_ANSWER
                assert time.monotonic() - started < 5
                await server.stop(0)  # the second time nobody is there at all

    asyncio.run(run())


def test_a_server_that_ends_every_stream_is_not_hammered() -> None:
    async def run() -> None:
        mesh = ToyMesh()
        mesh.ads_per_stream = 0
        mesh.ads_verdict = lambda number: SILENT
        async with mesh.serving() as (_, port), asking(port, Patience(deadline_s=1.0), streams=1) as (ask, _):
            with pytest.raises(NotAnswered):
                await ask("someone")
        assert 1 < mesh.streams["ads"] < 10

    asyncio.run(run())


def test_pauses_grow_to_a_bound_and_differ() -> None:
    patience = Patience()
    assert max(patience.pause_s(attempt) for attempt in range(1, 200)) <= 2.0
    assert min(patience.pause_s(10) for _ in range(50)) >= 1.0
    assert len({patience.pause_s(3) for _ in range(10)}) > 1
    assert patience.pause_s(1, told_s=5.0) == 5.0
