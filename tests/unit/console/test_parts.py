"""Parts of pages: what is not there now comes later by itself, and what became of a command is followed to its end."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

import grpc
import pytest
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1 import reporting_pb2
from fake_mesh import Failed, Stub, client_of, site_of

PART = {"hx-request": "true"}
AWAY = Failed(grpc.StatusCode.UNAVAILABLE)
UNKNOWN = Failed(grpc.StatusCode.NOT_FOUND, "there is no campaign x")
VALUES = {
    "text": "Typed with care",
    "category": "c",
    "gender": "All",
    "income_bucket": "All",
    "cpc": "1",
    "cpa": "1",
    "budget": "5",
    "start": "2026-01-01T00:00",
    "end": "2126-01-01T00:00",
    "campaign_id": "01234567-e821-11f1-b114-559529161a05",
    "command_id": "c1",
}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


@pytest.mark.parametrize(
    "path",
    [
        "/commands/c1",
        "/campaigns/x/charges?from=20",
        "/campaigns/x/commands",
        "/campaigns/x/live",
        "/bill/table?from=2026-01-01&account=a%26b",
        "/bill/reconciliation",
        "/reports/all",
        "/overview/live",
        "/campaigns?q=a%22b",
    ],
)
def test_a_part_that_is_not_there_is_asked_for_again(path: str) -> None:
    async def work() -> None:
        async with client_of(site_of()[1]) as client:
            part = await client.get(path, headers=PART)
            assert part.status_code == 200 and "does not answer" in part.text
            assert f'hx-get="{path.replace("&", "&amp;")}"' in part.text and 'hx-trigger="every' in part.text
            assert 'hx-target="this"' in part.text and 'hx-swap="outerHTML"' in part.text
            assert "hx-reswap" not in part.headers
            again = await client.get(path, headers=PART | {"x-again": "1"})
            assert again.headers["hx-reswap"] == "none", "it is said already"

    run(work())


def test_what_will_not_come_is_not_asked_for_again() -> None:
    async def work() -> None:
        manager = Stub(GetCampaign=UNKNOWN, GetCommand=Failed(grpc.StatusCode.PERMISSION_DENIED))
        async with client_of(site_of(campaigns=manager)[1]) as client:
            for path in ("/campaigns/x/live", "/commands/c1"):
                assert "hx-get" not in (await client.get(path, headers=PART)).text
            gone = await client.get("/campaigns/x/live", headers=PART | {"x-again": "1"})
            assert "hx-reswap" not in gone.headers and "Not found" in gone.text

    run(work())


@pytest.mark.parametrize(
    ("state", "said", "followed", "event"),
    [
        (pb.COMMAND_STATE_PENDING, "on its way", True, False),
        (pb.COMMAND_STATE_APPLIED, "Applied", False, True),
        (pb.COMMAND_STATE_REPEAT, "nothing changed", False, True),
        (pb.COMMAND_STATE_LATE, "Too late", False, True),
        (pb.COMMAND_STATE_REJECTED, "budget is odd", False, False),
    ],
)
def test_a_command_is_followed_until_it_is_known(state: Any, said: str, followed: bool, event: bool) -> None:
    async def work() -> None:
        reason = "budget is odd" if state == pb.COMMAND_STATE_REJECTED else ""
        answer = pb.GetCommandResponse(command_id="c1", state=state, reason=reason)
        async with client_of(site_of(campaigns=Stub(GetCommand=answer))[1]) as client:
            part = await client.get("/commands/c1", headers=PART)
            assert said in part.text
            # a timer, not "load": one answer that is lost on the way does not end it
            assert bool(re.search(r'hx-get="/commands/c1" hx-trigger="every', part.text)) is followed
            assert (part.headers.get("hx-trigger") == "command-done") is event

    run(work())


def test_a_campaign_that_was_not_made_is_not_promised() -> None:
    async def work() -> None:
        async with client_of(site_of(campaigns=Stub(GetCampaign=UNKNOWN))[1]) as client:
            page = (await client.get("/campaigns/x?command=c1")).text
            assert 'class="until-done">It appears here as soon as' in page and 'class="when-refused"' in page

    run(work())


@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/x/edit"])
def test_what_was_typed_stays_while_the_ad_manager_is_away(path: str) -> None:
    async def work() -> None:
        manager = Stub(CreateCampaign=AWAY, UpdateCampaign=AWAY)
        choices = Stub(ListChoices=reporting_pb2.ListChoicesResponse())
        async with client_of(site_of(campaigns=manager, reporting=choices)[1]) as client:
            page = (await client.get("/campaigns/new")).text
            token = re.search(r'"X-Form-Token": "([0-9a-f]{64})"', page)
            assert token
            sent = await client.post(path, data=VALUES | {"form_token": token[1]})
            assert sent.status_code == 503 and "The ad manager does not answer" in sent.text
            assert "Typed with care" in sent.text
            assert 'name="command_id" value="c1"' in sent.text, (
                "with another id a second try could be a second campaign"
            )

    run(work())
