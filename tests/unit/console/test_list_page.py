"""The list of campaigns: what the address asks for, and what the next search keeps of it."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

import pytest
from adplatform.v1 import reporting_pb2 as pb
from fake_mesh import Stub, client_of, site_of

from console.pages.campaigns import Asked

PART = {"hx-request": "true"}
FOUND = pb.SearchCampaignsResponse(total_size=120)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


@pytest.mark.parametrize("found", [FOUND, pb.SearchCampaignsResponse()])
def test_the_order_travels_with_the_list_into_the_next_search(found: pb.SearchCampaignsResponse) -> None:
    """Only the list is swapped: an order that stands in the form would stay what it was when the page came."""

    async def work() -> None:
        reporting = Stub(SearchCampaigns=found, ListChoices=pb.ListChoicesResponse())
        async with client_of(site_of(reporting=reporting)[1]) as client:
            part = (await client.get("/campaigns?order=budget&dir=asc", headers=PART)).text
            assert re.search(r'<input type="hidden" form="search" name="order" value="budget">', part)
            assert re.search(r'<input type="hidden" form="search" name="dir" value="asc">', part)
            page = (await client.get("/campaigns")).text
            assert page.count('name="order"') == 1 and 'id="search"' in page

    run(work())


def test_a_value_beyond_the_suggested_ones_can_be_asked_for() -> None:
    async def work() -> None:
        choices = pb.ListChoicesResponse(cities=[pb.Choice(value="Mumbai", campaigns=3), pb.Choice(campaigns=1)])
        reporting = Stub(SearchCampaigns=FOUND, ListChoices=choices)
        async with client_of(site_of(reporting=reporting)[1]) as client:
            page = (await client.get("/campaigns?city=Smallville&category=%22Odd%22&device=iPad&phase=live")).text
            assert '<input name="city" value="Smallville" list="city-list"' in page
            assert page.count('<option value="Mumbai">') == 1
            asked = reporting.calls[0][1]
            assert (asked.city, asked.category, asked.device) == ("Smallville", '"Odd"', "iPad")
            assert asked.phase == pb.CAMPAIGN_PHASE_LIVE

    run(work())


@pytest.mark.parametrize(("page", "skip"), [("2", 50), ("3", 100), ("0", 0), ("-1", 0), ("²", 0), ("9999999", 0)])
def test_pages(page: str, skip: int) -> None:
    async def work() -> None:
        reporting = Stub(SearchCampaigns=FOUND)
        async with client_of(site_of(reporting=reporting)[1]) as client:
            assert (await client.get("/campaigns", params={"page": page}, headers=PART)).status_code == 200
            assert (reporting.calls[0][1].skip, reporting.calls[0][1].page_size) == (skip, 50)

    run(work())


def test_addresses_of_the_same_list() -> None:
    asked = Asked({"q": "mug", "city": ""}, "budget", True, 3)
    assert asked.address(page=4) == "/campaigns?q=mug&order=budget&dir=desc&page=4"
    assert asked.sorted_by("budget") == "/campaigns?q=mug&order=budget&dir=asc"
    assert asked.sorted_by("text") == "/campaigns?q=mug&order=text&dir=asc"
    assert asked.direction("budget") == "descending" and asked.direction("text") == "none"
    assert Asked({}, "created", True, 1).address() == "/campaigns"
