"""A campaign's whole life as its manager and its audience see it: made, served, clicked, billed, stopped."""

import re
import time
import uuid

from playwright.sync_api import Page, expect
from running import ELSEWHERE, Running, allowed_s, until

SERVED_S = 2.0


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)


def test_from_the_form_to_the_bill(page: Page, running: Running) -> None:
    city = f"City {uuid.uuid4().hex[:8]}"
    page.goto("/campaigns")
    page.get_by_role("link", name="New campaign").click()
    fill(page, text="Mugs, hand-made 🍵", category="Home & Kitchen", keywords="mug,tea", city=city)
    fill(page, cpc="0.001", cpa="0.04", budget="10")
    expect(page.locator("#estimate")).to_contain_text("Known users that match")
    expect(page.locator("#estimate")).to_contain_text("of 300")
    page.get_by_role("button", name="Create campaign").click()
    sent = time.monotonic()
    expect(page.locator("#command")).to_be_visible()

    demo = page.context.new_page()
    demo.goto("/demo")
    fill(demo, city=city)
    demo.locator("[name=count]").select_option("1")
    ad = demo.locator(".adplatform-ad")
    until("the ad shown", lambda: asked(demo) and ad.count() == 1, SERVED_S + 3)
    assert time.monotonic() - sent < allowed_s(SERVED_S)
    expect(ad).to_contain_text("Mugs, hand-made 🍵")
    expect(demo.locator("#views")).to_have_text("1")
    ad.click()
    demo.get_by_role("button", name="Buy").click()
    expect(demo.locator("#acquisitions")).to_have_text("1")
    expect(demo.locator("#charged")).to_have_text("0.04")
    expect(demo.locator("#log")).to_contain_text("charged 0.039")

    expect(page.locator("#command")).to_contain_text("Applied")
    expect(page.locator("h1")).to_contain_text("Mugs, hand-made 🍵")
    campaign_id = page.locator(".head .code").inner_text()
    expect(page.locator(".charges")).to_be_visible()
    page.reload()
    expect(page.locator(".charges")).to_contain_text("0.001 of it had been charged for the same ad before")
    expect(page.locator("#live")).to_contain_text("100.00% CTR")

    page.goto("/bill")
    line = page.locator("tr", has_text=campaign_id)
    expect(line).to_contain_text("0.04", timeout=allowed_s(30) * 1000)
    expect(page.locator("body")).to_contain_text("Archive and ledger agree on every charge")
    expect(page.get_by_role("link", name="Invoice (PDF)")).to_be_visible()
    pdf = page.request.get(f"/bill.pdf?campaign={campaign_id}")
    assert pdf.headers["content-type"] == "application/pdf" and pdf.body().startswith(b"%PDF-")
    header, row = page.request.get(f"/bill.csv?campaign={campaign_id}").text().splitlines()
    written = dict(zip(header.split(","), row.split(","), strict=True))
    assert (written["impressions"], written["clicks"], written["charged"]) == ("1", "1", "0.040000000")

    page.goto(f"/campaigns/{campaign_id}")
    page.get_by_role("link", name="Stop").click()
    expect(page.locator("h1")).to_have_text("Stop this campaign?")
    page.get_by_role("button", name="Stop it for good").click()
    expect(page.locator("#command")).to_contain_text("Applied")
    expect(page.locator("#live .badge").first).to_have_text("Stopped")
    until("the ad gone", lambda: asked(demo) and "No ad" in demo.locator("#log li").first.inner_text(), SERVED_S)


def asked(demo: Page) -> bool:
    """Asks for ads, and waits for the answer."""
    demo.get_by_role("button", name="Show ads").click()
    expect(demo.locator("#log li").first).to_contain_text(re.compile("^.*(Ad |No ad|View)"))
    return True


def test_a_change_sends_what_was_changed_and_nothing_else(page: Page, running: Running) -> None:
    campaign_id = running.create(text="Before")
    page.goto(f"/campaigns/{campaign_id}/edit")
    other = page.context.new_page()
    other.goto(f"/campaigns/{campaign_id}/edit")
    fill(page, text="After")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#command")).to_contain_text("Applied")
    fill(other, budget="77")
    other.get_by_role("button", name="Save changes").click()
    expect(other.locator("#command")).to_contain_text("Applied")
    other.reload()
    expect(other.locator("h1")).to_have_text("After")
    expect(other.locator("#live")).to_contain_text("77.00")
    expect(other.locator("body")).to_contain_text("Update Campaign")


def test_a_form_sent_twice_makes_one_campaign(page: Page, running: Running) -> None:
    page.goto("/campaigns/new")
    name = f"Twice {uuid.uuid4().hex[:8]}"
    fill(page, text=name, category="c", city=ELSEWHERE, cpc="0.1", cpa="0", budget="1")
    page.get_by_role("button", name="Create campaign").dblclick()
    expect(page.locator("#command")).to_contain_text(re.compile("Applied|Repeat"))
    page.goto(f"/campaigns?q={name}")
    expect(page.locator(".count")).to_have_text("1 campaign")


def test_messages_stand_beside_the_field_as_it_is_typed(page: Page, running: Running) -> None:
    page.goto("/campaigns/new")
    budget = page.get_by_label("Whole budget")
    budget.fill("a lot")
    expect(page.locator("#budget-message")).to_contain_text("is not an amount")
    expect(budget).to_have_attribute("aria-invalid", "true")
    budget.fill("0.0000000001")
    expect(page.locator("#budget-message")).to_contain_text("more than 9 decimals")
    budget.fill("10")
    expect(page.locator("#budget-message")).to_have_text("")
    expect(budget).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#text-message")).to_have_text("")
    page.get_by_label("From age").fill("50")
    page.get_by_label("To age").fill("20")
    expect(page.locator("#age_end-message")).to_contain_text("Below the youngest age")
    page.get_by_role("button", name="Create campaign").click()
    expect(page.locator("#form-problem")).to_contain_text("fields need a look")
    expect(page.locator("#text-message")).to_have_text("Needed.")
    expect(budget).to_have_value("10")
