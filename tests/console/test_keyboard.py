"""By keyboard alone: whatever a mouse can do."""

import re
import uuid

from playwright.sync_api import Page, expect
from running import ELSEWHERE, Running


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
    tab_to(page, "Change")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Change campaign")
    tab_to(page, "Text")
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{name} anew")
    tab_to(page, "Save changes")
    page.keyboard.press("Enter")
    expect(page.locator("#command")).to_contain_text("Applied")
    expect(page.locator("h1")).to_have_text(f"{name} anew")
    tab_to(page, "Stop")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Stop this campaign?")
    tab_to(page, "Stop it for good")
    page.keyboard.press("Enter")
    expect(page.locator("#command")).to_contain_text("Applied")
    expect(page.locator("#live .badge").first).to_have_text("Stopped")
    expect(page.get_by_role("link", name="Change")).to_have_count(0)


def test_the_list_by_keyboard(page: Page, running: Running) -> None:
    mark = f"keys{uuid.uuid4().hex[:8]}"
    for place in range(2):
        running.create(text=f"{mark} {place}", category=mark, budget_nanos=(place + 1) * 10**9)
    page.goto("/campaigns")
    tab_to(page, "Search")
    page.keyboard.type(mark)
    expect(page.locator(".count")).to_have_text("2 campaigns")
    tab_to(page, "Budget")
    page.keyboard.press("Enter")
    budget = page.get_by_role("columnheader", name="Budget")
    expect(budget).to_have_attribute("aria-sort", "descending")  # the newest first looks alike
    expect(page.locator("tbody tr").first).to_contain_text(f"{mark} 1")
    expect(page.locator(":focus")).to_have_id("sort-budget")
    page.keyboard.press("Enter")
    expect(budget).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tbody tr").first).to_contain_text(f"{mark} 0")
    expect(page.locator(":focus")).to_have_id("sort-budget")
    tab_to(page, "City", back=True)
    page.keyboard.type("Nowhere")
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_contain_text("No campaign matches")
    tab_to(page, "Status", back=True)
    page.keyboard.type("Live")
    tab_to(page, "City")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr").first).to_contain_text(f"{mark} 0")
    assert "phase=live" in page.url and "order=budget" in page.url


def test_the_demo_by_keyboard(page: Page, running: Running) -> None:
    city = f"City {uuid.uuid4().hex[:8]}"
    running.create(city=city, text="Pressed, not clicked")
    page.goto("/demo")
    tab_to(page, "City")
    page.keyboard.type(city)
    tab_to(page, "Show ads")
    page.keyboard.press("Enter")
    expect(page.locator(".adplatform-ad")).to_be_visible()
    tab_to(page, re.compile("Pressed, not clicked"))
    page.keyboard.press("Enter")
    expect(page.locator("#clicks")).to_have_text("1")
    tab_to(page, "Buy")
    page.keyboard.press("Enter")
    expect(page.locator("#acquisitions")).to_have_text("1")
    expect(page.locator(":focus")).to_contain_text("Pressed, not clicked")


def tab_to(page: Page, name: str | re.Pattern[str], back: bool = False) -> None:
    """Presses Tab until the focus is on what is called so."""
    focused = (
        "(() => { const a = document.activeElement; return a.labels && a.labels.length"
        " ? a.labels[0].innerText : a.innerText; })()"
    )
    for _ in range(80):
        found = page.evaluate(focused)
        first = found.split("\n")[0].strip().rstrip("↑↓")
        if first == name if isinstance(name, str) else name.search(found) and page.locator("a:focus").count():
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"no Tab leads to {name}")
