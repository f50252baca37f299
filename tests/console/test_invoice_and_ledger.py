"""The invoice of running processes: its printed amounts are the ledger's, for all time and for a period."""

import io
import re
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
from playwright.sync_api import Page, expect
from pypdf import PdfReader
from running import Running, allowed_s, until
from sqlalchemy import select

from marketplace.runtime.store.schema import ledger
from marketplace.runtime.store.transactions import reading

ACCOUNT = "रसोई भंडार"
CATEGORY = "बर्तन और क्रॉकरी 🍳"
UNIT = 10**9


def ledger_nanos(running: Running, campaign_id: str, since: datetime | None = None) -> int:
    """Adds up the ledger's rows of a campaign, one by one."""
    since_us = int(since.timestamp() * 1_000_000) if since else 0
    with reading(running.engine) as connection:
        rows = connection.execute(select(ledger).filter_by(campaign_id=campaign_id)).all()
    return sum(row.charged_nanos for row in rows if row.charged_at_us >= since_us)


def printed(running: Running, **asked: str) -> str:
    """Returns the text of an invoice."""
    found = httpx.get(f"{running.page}/bill.pdf", params=asked, timeout=allowed_s(30))
    assert found.headers["content-type"] == "application/pdf", found.text
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(found.content)).pages).split())


def amount(text: str, before: str) -> int:
    """Returns the amount that stands after some words, in nanos."""
    found = re.search(rf"{re.escape(before)} ([\d,]+\.\d+)", text)
    assert found, (before, text)
    return int(Decimal(found[1].replace(",", "")) * UNIT)


def click(page: Page, city: str) -> None:
    """Buys what an ad offers, as its audience."""
    page.goto("/demo")
    page.locator("[name=city]").fill(city)
    page.locator("[name=count]").select_option("1")
    ad = page.locator(".adplatform-ad")

    def is_shown() -> bool:
        page.get_by_role("button", name="Show ads").click()
        expect(page.locator("#log li").first).to_contain_text(re.compile("^.*(Ad |No ad|View)"))
        return ad.count() == 1

    until("the ad shown", is_shown, 10)
    ad.click()
    page.get_by_role("button", name="Buy").click()
    expect(page.locator("#charged")).not_to_have_text("0.00")


def test_the_printed_amounts_are_the_ledgers(page: Page, running: Running) -> None:
    city = f"City {time.time_ns()}"
    campaign_id = running.create(city=city, account=ACCOUNT, category=CATEGORY)
    click(page, city)
    owed = ledger_nanos(running, campaign_id)
    assert owed == 40_000_000
    today = datetime.now(UTC)
    day, past = today.date().isoformat(), (today - timedelta(days=3)).date().isoformat()
    asked = {"campaign": campaign_id}

    def is_archived() -> bool:
        return amount(printed(running, **asked), "Total charged:") == owed

    def is_told() -> bool:
        text = printed(running, **asked)
        return amount(text, "Charged, by these lines") + amount(text, "On its way, on no line") == owed

    until("the charge on its way or on a line", is_told, 40)  # what is printed may be half a minute old, as it says
    until("the charge archived", is_archived, 30)
    for period in ({}, {"from": day}, {"from": past, "to": (today + timedelta(days=2)).date().isoformat()}):
        text = printed(running, **asked, **period)
        since = datetime.fromisoformat(period["from"]).replace(tzinfo=UTC) if period else None
        expected = ledger_nanos(running, campaign_id, since)
        for words in ("Total charged:", "Charged, by these lines", "Charged, by the ledger"):
            assert amount(text, words) == expected, (period, words)
        assert amount(text, "Difference") == 0 and "agree with the ledger" in text
        assert campaign_id in text and "[…]" in text and "stands for characters" in text
    assert amount(printed(running, **asked, to=past), "Charged, by the ledger") == 0

    with reading(running.engine) as connection:
        every = connection.execute(select(ledger.c.charged_nanos)).scalars().all()

    def is_all_told() -> bool:
        whole = printed(running)
        return amount(whole, "Charged, by these lines") + amount(whole, "On its way, on no line") == sum(every)

    until("every charge on its way or on a line", is_all_told, 40)

    page.goto(f"/bill?campaign={campaign_id}&from={day}")
    expect(page.locator("#ledger")).to_contain_text("These lines agree with the ledger", timeout=allowed_s(30) * 1000)


def test_a_ledger_that_says_otherwise_is_printed(page: Page, running: Running) -> None:
    city = f"City {time.time_ns()}"
    campaign_id = running.create(city=city)
    click(page, city)
    asked = {"campaign": campaign_id}
    until("the charge archived", lambda: amount(printed(running, **asked), "Total charged:") == 40_000_000, 30)
    with reading(running.engine) as connection:
        row = connection.execute(select(ledger).filter_by(campaign_id=campaign_id, charged_nanos=1_000_000)).one()
        change = ledger.update().where(ledger.c.request_id == row.request_id, ledger.c.action == row.action)
        connection.execute(change.values(charged_nanos=1_000_001))
        connection.commit()
    try:
        until("it said", lambda: "do not agree with the ledger: 1 of 1" in printed(running, **asked), 40)
        assert amount(printed(running, **asked), "Charged, by the ledger") == 40_000_001
    finally:
        with reading(running.engine) as connection:
            connection.execute(change.values(charged_nanos=1_000_000))
            connection.commit()
