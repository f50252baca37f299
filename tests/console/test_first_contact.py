"""Before there is anything, and while a service is down: each page says what is the matter."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from running import Running, allowed_s


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    platform = Running(tmp_path_factory.mktemp("empty"))
    try:
        platform.start()
        yield platform
    finally:
        platform.close()


@pytest.fixture
def blank(browser: Browser, empty: Running) -> Iterator[Page]:
    context = browser.new_context(base_url=empty.page)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_pages_before_anything(blank: Page) -> None:
    said = {
        "/": "No live campaign has less than a tenth of its budget left",
        "/campaigns": "There are no campaigns yet",
        "/bill": "Nothing was displayed or charged in this period",
        "/reports": "Nothing to show in this period",
        "/demo": "Nothing yet. Ask for ads",
        "/campaigns/nosuchcampaign": "There is no campaign nosuchcampaign",
    }
    for path, text in said.items():
        blank.goto(path)
        expect(blank.locator("main")).to_contain_text(text)
    blank.goto("/demo")
    blank.get_by_role("button", name="Draw a known user").click()
    expect(blank.locator("#known")).to_have_text("No users are known here yet.")
    blank.get_by_role("button", name="Show ads").click()
    expect(blank.locator("#log")).to_contain_text("No ad: no campaign is live")
    blank.goto("/bill?from=2026-02-30")
    expect(blank.locator("#table")).to_contain_text("is not a date")
    blank.goto("/")
    expect(blank.locator("#processes-title + .rows .badge.good")).to_have_count(7)


@pytest.fixture
def patient() -> Iterator[None]:
    """Lets the pages take the time that a call to a service takes which is not there."""
    expect.set_options(timeout=allowed_s(10) * 1000)
    yield
    expect.set_options(timeout=5_000)


@pytest.mark.usefixtures("patient")
def test_pages_while_a_service_is_down(blank: Page, empty: Running) -> None:
    blank.set_default_timeout(allowed_s(15) * 1000)
    campaign_id = empty.create()
    blank.goto("/")
    empty.stop("reporting-service")
    expect(blank.locator("#live")).to_contain_text("The reporting service does not answer")
    for path in ("/", "/campaigns", "/bill", "/reports"):
        blank.goto(path)
        expect(blank.locator("main")).to_contain_text("The reporting service does not answer")
    blank.goto(f"/campaigns/{campaign_id}")
    expect(blank.locator("#live")).to_contain_text("views, clicks and auctions are not shown")
    expect(blank.locator("h1")).to_have_text("Hand-made mugs")
    blank.goto("/campaigns/new")
    for name, value in {"text": "t", "category": "c", "cpc": "1", "cpa": "1", "budget": "1"}.items():
        blank.locator(f"[name={name}]").fill(value)
    expect(blank.locator("#estimate")).to_contain_text("The campaign can be saved all the same")
    empty.stop("ad-manager")
    blank.get_by_role("button", name="Create campaign").click()
    expect(blank.locator("main")).to_contain_text("The ad manager does not answer")
    empty.stop("adserver")
    blank.goto("/demo")
    blank.get_by_role("button", name="Show ads").click()
    expect(blank.locator("#log")).to_contain_text("No answer (UNAVAILABLE); trying again")
    empty.start("ad-manager", "adserver", "reporting-service")
    expect(blank.locator(".adplatform-ad")).to_be_visible(timeout=allowed_s(30) * 1000)
    blank.goto("/")
    expect(blank.locator("h1")).to_have_text("Overview")
