"""At 100,000 campaigns each page is made in under 300 ms."""

import re
import statistics
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from audience import watch
from playwright.sync_api import Browser, expect
from running import Running, allowed_s, until

from marketplace.runtime.store.rows import insert_rows
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import write_transaction
from simulator.users import build_users
from simulator.users_store import load_users

CAMPAIGNS = 100_000
PAGE_S = 0.3
BILLED_S = 60.0
CITIES = ("All", "Mumbai", "Delhi", "Pune", "Chennai")
Recorder = Callable[[str, object], None]
HOUR_US = 3_600 * 1_000_000


def row(number: int, now_us: int) -> dict[str, object]:
    budget = (number % 900 + 1) * 10**9
    return {
        "campaign_id": f"{number:08x}-e821-11f1-b114-559529161a05",
        "account": f"account {number % 40}",
        "text": f"Campaign {number} for {'mugs' if number % 97 == 0 else 'chairs'} of a usual length",
        "category": f"Category {number % 20}",
        "keywords": "one,two,three",
        "target_gender": "All",
        "target_age_start": 0,
        "target_age_end": 0,
        "target_city": CITIES[number % len(CITIES)],
        "target_state": "All",
        "target_country": "India",
        "target_income_bucket": "All",
        "target_device": "All",
        "start_us": now_us - HOUR_US,
        "end_us": now_us + (number % 500 + 1) * HOUR_US,
        "cpc_nanos": 100_000 + number,
        "cpa_nanos": 40_000_000 + number,
        "cpm_nanos": 20_000,
        "budget_nanos": budget,
        "highest_budget_nanos": budget,
        "spent_nanos": 0,
        "status": "STOPPED" if number % 3 == 0 else "ACTIVE",
        "slot_no": now_us // (600 * 1_000_000),
        "slot_budget_nanos": 10**6,
        "event_seq": 0,
        "change_no": 0,
        "created_us": now_us - number,
        "updated_us": now_us - number,
    }


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    platform = Running(tmp_path_factory.mktemp("large"))
    now_us = time.time_ns() // 1_000
    load_users(platform.engine, build_users(1_000, seed=1))
    with write_transaction(platform.engine) as connection:
        insert_rows(connection, ads, [row(number, now_us) for number in range(CAMPAIGNS)])
        connection.commit()
    try:
        platform.start()
        platform.lively_id = platform.create(city="Lively", cpa_nanos=10**9)  # more than others bid who reach any city
        watch(platform.page, "Lively", 60)
        until("the charges on the bill", lambda: platform.lively_id in platform.read("/bill.csv"), BILLED_S)
        yield platform
    finally:
        platform.close()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/campaigns",
        "/campaigns?q=mugs&order=spent",
        "/campaigns?order=bid&dir=desc&page=1500",
        "/campaigns?phase=live&category=Category+7&city=Mumbai&order=end",
        "/campaigns/new",
        "/campaigns/00000001-e821-11f1-b114-559529161a05",
        "/campaigns/00000001-e821-11f1-b114-559529161a05/edit",
        "/bill",
        "/bill/table",
        "/reports",
        "/reports/all",
        "/campaigns/LIVELY",
        "/campaigns/LIVELY/live",
        "/campaigns/LIVELY/charges",
        "/campaigns/LIVELY/commands",
        "/campaigns/LIVELY/series.json",
        "/campaigns/LIVELY/stop",
        "/demo",
    ],
)
def test_a_page_in_time(large: Running, path: str, record_property: Recorder) -> None:
    path = path.replace("LIVELY", large.lively_id)
    part = path.count("/") == 3 or path in ("/bill/table", "/reports/all")
    headers = {"hx-request": "true"} if part and not path.endswith(("/edit", "/stop")) else {}
    with httpx.Client(base_url=large.page, timeout=30, headers=headers) as client:
        in_time(path, lambda _: client.get(path), record_property)


def test_what_is_sent_is_answered_in_time(large: Running, record_property: Recorder) -> None:
    with httpx.Client(base_url=large.page, timeout=30) as client:
        page = client.get("/campaigns/new").text
        token = re.findall(r'"X-Form-Token": "([0-9a-f]{64})"', page)[0]
        asked = dict(re.findall(r'name="(start|end)"[^>]* value="([^"]*)"', page))
        terms = {"text": "t", "category": "c", "cpc": "0.001", "cpa": "0.04", "budget": "9", "city": "Mumbai"}
        values = asked | terms | {"gender": "All", "income_bucket": "All", "form_token": token}
        in_time("check", lambda _: client.post("/campaigns/check", data=values), record_property)
        assert "Rank of its bid" in client.post("/campaigns/check", data=values).text
        ids = [f"{3 * number + 1:08x}-e821-11f1-b114-559529161a05" for number in range(6)]
        stop = lambda turn: client.post(f"/campaigns/{ids[turn]}/stop", data={"form_token": token})  # noqa: E731
        in_time("stop", stop, record_property, status=303)


def in_time(what: str, ask: Callable[[int], httpx.Response], record_property: Recorder, status: int = 200) -> None:
    """Asks once for the caches, then five times; the median counts, and goes into --junitxml (ms)."""
    times = []
    for turn in range(6):
        started = time.monotonic()
        answer = ask(turn)
        times.append(time.monotonic() - started)
        assert answer.status_code == status and "x-problem" not in answer.headers, what
    median = statistics.median(times[1:])
    record_property("median_ms", round(median * 1000))
    assert median < allowed_s(PAGE_S), (what, times)


def test_from_page_to_page(large: Running, browser: Browser) -> None:
    page = browser.new_page(base_url=large.page)
    page.goto("/campaigns?category=Category+7&order=text")
    count = page.locator(".count")
    expect(count).to_have_text("5,000 campaigns, page 1 of 100")
    expect(page.locator("[aria-disabled]").first).to_have_text("First")
    seen = {page.locator("tbody tr").first.inner_text()}
    for word, number in (("Next", 2), ("Next", 3), ("Previous", 2), ("Last", 100), ("First", 1)):
        page.get_by_role("link", name=word, exact=True).click()
        expect(count).to_have_text(f"5,000 campaigns, page {number} of 100")
        expect(page.locator("tbody tr")).to_have_count(50)
        seen.add(page.locator("tbody tr").first.inner_text())
    assert len(seen) == 4, "each page has other campaigns"
    page.get_by_role("link", name="Next", exact=True).click()
    expect(count).to_have_text("5,000 campaigns, page 2 of 100")
    page.locator("#sort-budget").click()
    expect(count).to_have_text("5,000 campaigns, page 1 of 100")
    page.close()


def test_the_bill_of_so_many(large: Running) -> None:
    with httpx.Client(base_url=large.page, timeout=allowed_s(30)) as client:
        part = client.get("/bill/table", headers={"hx-request": "true"})
        assert part.status_code == 200 and "x-problem" not in part.headers
        assert "900.00" in client.get("/reports/all", headers={"hx-request": "true"}).text
