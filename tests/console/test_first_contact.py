"""Before there is anything: each page says what will be there."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from running import Running, fresh_platform


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with fresh_platform(tmp_path_factory.mktemp("empty")) as platform:
        yield platform


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
