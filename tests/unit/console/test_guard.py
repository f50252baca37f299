"""What keeps other sites and other people out of the console."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

import grpc
import httpx
import pytest
from adplatform.v1 import campaign_manager_pb2 as manager_pb
from adplatform.v1 import reporting_pb2 as pb
from fake_mesh import SITE, Failed, Stub, client_of, site_of

TOKEN = "adp_0123456789ab_secret"
REPORTING = {"GetOverview": pb.GetOverviewResponse(), "ListChoices": pb.ListChoicesResponse()}
STOPPED = manager_pb.StopCampaignResponse(command_id="c1")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def form_token(page: str) -> str:
    found = re.search(r'"X-Form-Token": "([0-9a-f]{64})"', page)
    assert found
    return found[1]


async def signed_in(client: httpx.AsyncClient) -> httpx.Response:
    page = await client.get("/signin")
    return await client.post("/signin", data={"token": TOKEN, "form_token": form_token(page.text)})


def test_every_page_says_what_browsers_may_do() -> None:
    async def work() -> None:
        async with client_of(site_of(reporting=Stub(**REPORTING))[1]) as client:
            for path in ("/", "/nope", "/static/console.css", "/ads.js"):
                headers = (await client.get(path)).headers
                policy = headers["content-security-policy"]
                assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
                assert headers["x-content-type-options"] == "nosniff"
            cookie = (await client.get("/", headers={"cookie": ""})).headers["set-cookie"]
            assert "HttpOnly" in cookie and "SameSite=Lax" in cookie

    run(work())


def test_a_form_must_bring_back_its_token() -> None:
    async def work() -> None:
        manager = Stub(StopCampaign=STOPPED)
        async with client_of(site_of(reporting=Stub(**REPORTING), campaigns=manager)[1]) as client:
            token = form_token((await client.get("/")).text)
            path = "/campaigns/x/stop"
            for data, headers in (
                ({}, {}),
                ({"form_token": "0" * 64}, {}),
                ({"form_token": token}, {"sec-fetch-site": "cross-site"}),
                ({"form_token": token}, {"sec-fetch-site": "same-site"}),
                ({"form_token": token}, {"cookie": "console_session=another"}),
            ):
                assert (await client.post(path, data=data, headers=headers)).status_code == 403
            assert manager.calls == []
            done = await client.post(path, data={"form_token": token})
            assert (done.status_code, done.headers["location"]) == (303, "/campaigns/x?command=c1")
            assert (await client.post(path, headers={"x-form-token": token})).status_code == 303
            assert (await client.post(path, content=b"x" * 70_000)).status_code == 413

    run(work())


def test_who_is_not_signed_in_sees_nothing() -> None:
    async def work() -> None:
        reporting = Stub(**REPORTING)
        async with client_of(site_of(asks=True, reporting=reporting)[1]) as client:
            for path in ("/", "/campaigns", "/campaigns/x", "/bill.csv", "/demo", "/reports/all"):
                answer = await client.get(path)
                assert (answer.status_code, answer.headers["location"]) == (303, "/signin"), path
            part = await client.get("/overview/live", headers={"hx-request": "true"})
            assert part.headers["hx-redirect"] == "/signin"
            assert reporting.calls == []

    run(work())


def test_signing_in_uses_the_persons_own_token_and_a_new_cookie() -> None:
    async def work() -> None:
        caller = pb.GetCallerResponse(name="n", role="manager", account="acme")
        reporting = Stub(GetCaller=caller, **REPORTING)
        async with client_of(site_of(asks=True, reporting=reporting)[1]) as client:
            await client.get("/signin")
            before = client.cookies["console_session"]
            assert (await signed_in(client)).status_code == 303
            assert client.cookies["console_session"] != before
            page = await client.get("/")
            assert "acme" in page.text and TOKEN not in page.text
            assert 'href="/reports"' not in page.text, "reports are for operators"
            assert {metadata for _, _, metadata in reporting.calls} == {(("authorization", f"Bearer {TOKEN}"),)}
            out = await client.post("/signout", data={"form_token": form_token(page.text)})
            assert out.headers["location"] == "/signin"
            assert (await client.get("/")).status_code == 303

    run(work())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "does not count"),
        (grpc.StatusCode.PERMISSION_DENIED, "an app"),
        (grpc.StatusCode.UNAVAILABLE, "does not answer"),
    ],
)
def test_a_token_that_does_not_let_in(code: grpc.StatusCode, said: str) -> None:
    async def work() -> None:
        async with client_of(site_of(asks=True, reporting=Stub(GetCaller=Failed(code)))[1]) as client:
            answer = await signed_in(client)
            assert answer.status_code == 401 and said in answer.text
            assert (await client.get("/")).status_code == 303

    run(work())


def test_a_token_that_was_revoked_ends_the_session() -> None:
    async def work() -> None:
        reporting = Stub(GetCaller=pb.GetCallerResponse(role="operator"), **REPORTING)
        async with client_of(site_of(asks=True, reporting=reporting)[1]) as client:
            await signed_in(client)
            reporting.answers["GetOverview"] = Failed(grpc.StatusCode.UNAUTHENTICATED)
            assert (await client.get("/")).headers["location"] == "/signin"
            reporting.answers["GetOverview"] = pb.GetOverviewResponse()
            assert (await client.get("/")).status_code == 303

    run(work())


def test_a_service_that_is_away_or_breaks_is_said_so() -> None:
    async def work() -> None:
        reporting = Stub(GetOverview=Failed(grpc.StatusCode.UNAVAILABLE), SearchCampaigns=RuntimeError("secret"))
        async with client_of(site_of(reporting=reporting)[1]) as client:
            away = await client.get("/")
            assert away.status_code == 503 and "The reporting service does not answer" in away.text
            part = await client.get("/overview/live", headers={"hx-request": "true"})
            assert part.status_code == 200 and part.headers["x-problem"] == "503" and "<html" not in part.text
            broken = await client.get("/campaigns")
            assert broken.status_code == 500 and "secret" not in broken.text and "Something went wrong" in broken.text
            assert (await client.get("/nope")).status_code == 404
            assert (await client.get(f"{SITE}/campaigns/%3Cscript%3E")).text.count("<script>") == 0

    run(work())
