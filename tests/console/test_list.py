"""The list of campaigns in a browser: searched, filtered, sorted, whatever comes first."""

import uuid
from contextlib import suppress

from playwright.sync_api import Error, Page, Route, expect
from running import Running


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


def test_a_chosen_order_stays_while_one_searches_and_filters(page: Page, running: Running) -> None:
    mark = f"sorted{uuid.uuid4().hex[:8]}"
    for place, budget in enumerate((3, 1, 2)):
        running.create(text=f"{mark} number {place}", category=mark, budget_nanos=budget * 10**9)
    page.goto("/campaigns")
    page.locator("#sort-budget").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Budget")
    page.locator("#sort-budget").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Budget")
    page.get_by_label("Search").fill(mark)
    expect(page.locator(".count")).to_have_text("3 campaigns")
    numbers = [page.locator("tbody tr").nth(place).inner_text().split("number ")[1][0] for place in range(3)]
    assert numbers == ["1", "2", "0"], "the search keeps the order"
    page.get_by_label("Status").select_option("live")
    page.get_by_label("Category").fill(mark)
    page.get_by_label("Category").press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Budget")
    expect(page.locator("tbody tr").first).to_contain_text("number 1")
    asked = ("phase=live", f"category={mark}", "order=budget", "dir=asc")
    page.wait_for_url(lambda address: all(part in address for part in asked))  # the list itself looks as before
    page.reload()
    expect(page.locator("tbody tr").first).to_contain_text("number 1")


def test_filters_find_what_they_say(page: Page, running: Running) -> None:
    mark = uuid.uuid4().hex[:8]
    town, other = f"Town {mark}", f"Other {mark}"
    for city, category in ((town, f"Pots {mark}"), (town, f"Pans {mark}"), (other, f"Pots {mark}")):
        running.create(text=f"{category} in {city}", category=category, city=city, device=f"Phone {city}")
    page.goto("/campaigns")
    rows = page.locator("tbody tr")
    for label, value, found in (
        ("City", town, {f"Pots {mark} in {town}", f"Pans {mark} in {town}"}),
        ("Category", f"Pots {mark}", {f"Pots {mark} in {town}"}),
        ("City", "", {f"Pots {mark} in {town}", f"Pots {mark} in {other}"}),
        ("Device", f"Phone {other}", {f"Pots {mark} in {other}"}),
        ("Category", "", {f"Pots {mark} in {other}"}),
    ):
        page.get_by_label(label).fill(value)
        page.get_by_label(label).press("Enter")
        expect(rows).to_have_count(len(found))
        assert {rows.nth(place).locator("a").inner_text() for place in range(len(found))} == found, (label, value)


def test_a_search_that_is_answered_late_does_not_undo_a_sort(page: Page, running: Running) -> None:
    held: list[Route] = []
    page.goto("/campaigns")
    page.route("**/campaigns?q=*&phase=*", lambda route: held.append(route))
    with page.expect_request("**/campaigns?q=*&phase=*"):
        page.get_by_label("Status").select_option("live")
    page.get_by_role("link", name="Budget").click()
    budget = page.get_by_role("columnheader", name="Budget")
    expect(budget).to_have_attribute("aria-sort", "descending")
    with suppress(Error):  # the page has taken it back
        held[0].continue_()
    page.wait_for_timeout(1_000)
    expect(budget).to_have_attribute("aria-sort", "descending")
    assert "order=budget" in page.url
