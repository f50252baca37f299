"""Every page for everyone: for assistive technology, in the dark, on a phone, with strange texts, by keyboard alone."""

import uuid
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from running import ELSEWHERE, Running

PHONE = {"width": 400, "height": 800}
Address = Callable[[Running], str]


def of_campaign(then: str = "") -> Address:
    return lambda running: f"/campaigns/{running.strange_id}{then}"


def at(path: str) -> Address:
    return lambda running: path


PAGES = {
    "overview": at("/"),
    "campaigns": at("/campaigns"),
    "nothing found": at("/campaigns?q=nosuchcampaign"),
    "new": at("/campaigns/new"),
    "campaign": of_campaign(),
    "edit": of_campaign("/edit"),
    "stop": of_campaign("/stop"),
    "bill": at("/bill"),
    "reports": at("/reports"),
    "demo": at("/demo"),
    "no such page": at("/nosuchpage"),
}


def settled(page: Page) -> None:
    """Waits until nothing is being read any more."""
    expect(page.locator(".waiting")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_for_assistive_technology(name: str, browser: Browser, running: Running) -> None:
    for scheme, size in (("light", None), ("dark", PHONE)):
        context = browser.new_context(base_url=running.page, color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(PAGES[name](running))
        settled(page)
        found = Axe().run(page).response["violations"]
        context.close()
        serious = [
            (each["id"], [node["target"] for node in each["nodes"]])
            for each in found
            if each["impact"] in ("serious", "critical", "moderate")
        ]
        assert serious == [], (name, scheme)


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, running: Running) -> None:
    context = browser.new_context(base_url=running.page, viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    for name, address in PAGES.items():
        page.goto(address(running))
        settled(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], (name, width)
    context.close()


def test_texts_are_shown_and_never_run(page: Page, running: Running) -> None:
    for name in ("campaigns", "campaign", "edit", "stop", "overview"):
        page.goto(PAGES[name](running))
        assert "broken in" not in page.title().replace("document.title='broken in'", "")
        expect(page.locator("main")).to_contain_text("<script>document.title='broken in'</script>")
    page.goto("/demo")
    page.locator("[name=city]").fill(ELSEWHERE)
    page.locator("[name=count]").select_option("3")
    page.get_by_role("button", name="Show ads").click()
    expect(page.locator(".adplatform-ad").first).to_be_visible()
    assert page.locator(".adplatform-ad script").count() == 0


def test_by_keyboard_alone(page: Page, running: Running) -> None:
    name = f"Typed {uuid.uuid4().hex[:8]}"
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    tab_to(page, "Campaigns")
    page.keyboard.press("Enter")
    expect(page).to_have_url(running.page + "/campaigns")
    tab_to(page, "New campaign")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("New campaign")
    for label, text in (
        ("Text", name),
        ("Category", "Keys"),
        ("City", ELSEWHERE),
        ("Price of a click", "0.001"),
        ("Price of an acquisition", "0.04"),
        ("Whole budget", "1"),
    ):
        tab_to(page, label)
        page.keyboard.type(text)
    tab_to(page, "Create campaign")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator("#command")).to_contain_text("Applied")
    tab_to(page, "Stop")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Stop this campaign?")
    tab_to(page, "Keep it")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name)


def test_the_list_is_searched_sorted_and_filtered(page: Page, running: Running) -> None:
    mark = f"mark{uuid.uuid4().hex[:8]}"
    for place, budget in enumerate((3, 1, 2)):
        running.create(text=f"{mark} number {place}", category=mark, budget_nanos=budget * 10**9)
    page.goto("/campaigns")
    page.get_by_label("Search").fill(mark)
    expect(page.locator(".count")).to_have_text("3 campaigns")
    assert mark in page.url
    page.get_by_role("link", name="Budget").click()
    expect(page.locator("tbody tr").first).to_contain_text("number 0")
    page.locator("#sort-budget").click()
    expect(page.locator("tbody tr").first).to_contain_text("number 1")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Budget")
    page.go_back()
    expect(page.locator("tbody tr").first).to_contain_text("number 0")
    page.get_by_label("Status").select_option("stopped")
    expect(page.locator("#list")).to_contain_text("No campaign matches")
    page.goto("/campaigns?page=99999")
    expect(page.locator("#list")).to_contain_text("no page 99,999")


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the focus is on what is called so."""
    focused = (
        "(() => { const a = document.activeElement; return a.labels && a.labels.length"
        " ? a.labels[0].innerText : a.innerText; })()"
    )
    for _ in range(80):
        if page.evaluate(focused).split("\n")[0].strip() == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {name}")
