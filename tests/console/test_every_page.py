"""Every page for everyone: for assistive technology, in the dark, on a phone, with strange texts."""

from collections.abc import Callable

import pytest
from looks import looks_fine
from playwright.sync_api import Page, expect
from running import ELSEWHERE, Running

Opening = Callable[[Page, Running], None]


def at(path: str) -> Opening:
    """Opens an address; `STRANGE` and `LIVELY` in it stand for the campaigns of these names."""

    def opening(page: Page, running: Running) -> None:
        page.goto(path.replace("STRANGE", running.strange_id).replace("LIVELY", running.lively_id))

    return opening


def form_with_errors(page: Page, running: Running) -> None:
    page.goto("/campaigns/new")
    page.get_by_role("button", name="Create campaign").click()
    expect(page.locator("#form-problem")).to_contain_text("fields need a look")


def drawn(page: Page, running: Running) -> None:
    page.goto(f"/campaigns/{running.lively_id}")
    expect(page.locator(".chart .uplot")).to_have_count(2)
    expect(page.locator(".charges tbody tr").first).to_be_visible()


def stopped(page: Page, running: Running) -> None:
    page.goto(f"/campaigns/{running.create(text='Stopped')}/stop")
    page.get_by_role("button", name="Stop it for good").click()
    expect(page.locator("#live .badge").first).to_have_text("Stopped")


def ads_shown(page: Page, running: Running) -> None:
    page.goto("/demo")
    page.locator("[name=city]").fill(ELSEWHERE)
    page.get_by_role("button", name="Show ads").click()
    expect(page.locator(".adplatform-ad").first).to_be_visible()
    expect(page.locator("#views")).not_to_have_text("0")


PAGES: dict[str, Opening] = {
    "overview": at("/"),
    "campaigns": at("/campaigns"),
    "nothing found": at("/campaigns?q=nosuchcampaign"),
    "new": at("/campaigns/new"),
    "form with errors": form_with_errors,
    "campaign": at("/campaigns/STRANGE"),
    "campaign with charges": drawn,
    "campaign stopped": stopped,
    "edit": at("/campaigns/STRANGE/edit"),
    "stop": at("/campaigns/STRANGE/stop"),
    "bill": at("/bill"),
    "reports": at("/reports"),
    "demo": at("/demo"),
    "demo with ads": ads_shown,
    "no such page": at("/nosuchpage"),
}


@pytest.mark.parametrize("name", PAGES)
def test_it_is_fine_for_everyone(name: str, page: Page, running: Running) -> None:
    PAGES[name](page, running)
    looks_fine(page, name)


def test_texts_are_shown_and_never_run(page: Page, running: Running) -> None:
    for name in ("campaigns", "campaign", "edit", "stop", "overview"):
        PAGES[name](page, running)
        assert "broken in" not in page.title().replace("document.title='broken in'", "")
        expect(page.locator("main")).to_contain_text("<script>document.title='broken in'</script>")
    page.goto("/demo")
    page.locator("[name=city]").fill(ELSEWHERE)
    page.locator("[name=count]").select_option("3")
    page.get_by_role("button", name="Show ads").click()
    expect(page.locator(".adplatform-ad").first).to_be_visible()
    assert page.locator(".adplatform-ad script").count() == 0
